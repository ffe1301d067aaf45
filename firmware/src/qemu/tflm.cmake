# Board images that run their feature extractor: board-digits.elf and so on, one for each folder of models/; and images that
# count its instructions: extractor-digits.elf.
# BYTEFED_TFLM_DIR is the package that platformio.ini declares, such as .pio/libdeps/nano33ble/Chirale_TensorFLowLite.
enable_language(C)  # CMSIS-NN
find_package(Python3 REQUIRED COMPONENTS Interpreter)

# Another version may round otherwise.
if(NOT EXISTS ${BYTEFED_TFLM_DIR}/library.properties)
  message(FATAL_ERROR "BYTEFED_TFLM_DIR: ${BYTEFED_TFLM_DIR} is no folder of an Arduino library")
endif()
file(STRINGS ${BYTEFED_TFLM_DIR}/library.properties properties REGEX "^(name|version)=")
string(REGEX REPLACE "(name|version)=" "" properties "${properties}")
string(REPLACE ";" "@" package "${properties}")
file(STRINGS ${PROJECT_SOURCE_DIR}/platformio.ini declared REGEX "/${package}$")
if(NOT declared)
  message(FATAL_ERROR "BYTEFED_TFLM_DIR holds ${package}, which platformio.ini does not declare")
endif()

# Only the kernels of the operators that tools/model_to_c.py knows are compiled.
set(tflm ${BYTEFED_TFLM_DIR}/src)
set(lite ${tflm}/tensorflow/lite)
set(kernels ${lite}/micro/kernels)
set(cmsis_nn ${tflm}/third_party/cmsis_nn)
file(GLOB tflm_sources
  ${lite}/core/api/*.cpp ${lite}/core/c/*.cpp ${lite}/kernels/*.cpp ${lite}/kernels/internal/*.cpp
  ${lite}/schema/*.cpp ${lite}/micro/flatbuffer_utils.cpp ${lite}/micro/memory_helpers.cpp
  ${lite}/micro/micro_*.cpp ${lite}/micro/arena_allocator/*.cpp ${lite}/micro/memory_planner/*.cpp
  ${lite}/micro/tflite_bridge/*.cpp ${kernels}/conv_common.cpp ${kernels}/depthwise_conv_common.cpp
  ${kernels}/fully_connected_common.cpp ${kernels}/kernel_util.cpp ${kernels}/pooling_common.cpp
  ${kernels}/reduce.cpp ${kernels}/reduce_common.cpp ${kernels}/reshape.cpp ${kernels}/cmsis_nn/conv.cpp
  ${kernels}/cmsis_nn/depthwise_conv.cpp ${kernels}/cmsis_nn/fully_connected.cpp ${kernels}/cmsis_nn/pooling.cpp
  ${cmsis_nn}/Source/ConvolutionFunctions/*.c ${cmsis_nn}/Source/FullyConnectedFunctions/*.c
  ${cmsis_nn}/Source/NNSupportFunctions/*.c ${cmsis_nn}/Source/PoolingFunctions/*.c)
list(REMOVE_ITEM tflm_sources ${lite}/micro/micro_time.cpp)  # asks Arduino; only its profiler needs it
add_library(tflm STATIC ${tflm_sources})
target_include_directories(tflm SYSTEM PUBLIC ${tflm} ${tflm}/third_party/flatbuffers/include
  ${tflm}/third_party/gemmlowp ${tflm}/third_party/ruy ${cmsis_nn} ${cmsis_nn}/Include)
target_compile_definitions(tflm PUBLIC ARDUINO ARDUINO_EXCLUDE_CODE TF_LITE_STATIC_MEMORY CMSIS_NN)
target_compile_options(tflm PRIVATE -w -O2 -ffp-contract=off)
set_target_properties(tflm PROPERTIES CXX_STANDARD 14)

set(model_to_c ${PROJECT_SOURCE_DIR}/tools/model_to_c.py)
set(features ${PROJECT_SOURCE_DIR}/firmware/lib/tflm_features/src)
file(GLOB models CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/models/*/*.tflite)
foreach(model IN LISTS models)
  get_filename_component(name ${model} NAME_WE)
  get_filename_component(folder ${model} DIRECTORY)
  set(manifest ${folder}/manifest.json)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${manifest})
  file(READ ${manifest} text)
  string(JSON D GET "${text}" D)
  string(JSON C GET "${text}" C)
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${name})
  add_custom_command(OUTPUT ${generated}/bytefed_model.h ${generated}/bytefed_model_data.h
    COMMAND ${Python3_EXECUTABLE} -B ${model_to_c} ${folder} ${generated}
    DEPENDS ${model_to_c} ${manifest} ${model} VERBATIM)
  bytefed_board(board-${name} ${D} ${C} extractor_tflm.cpp ${features}/tflm_features/features.cpp
    ${generated}/bytefed_model.h ${generated}/bytefed_model_data.h)
  bytefed_image(extractor-${name} ${PROJECT_SOURCE_DIR}/benchmarks/mcu/extractor.cpp
    ${features}/tflm_features/features.cpp ${generated}/bytefed_model.h ${generated}/bytefed_model_data.h)
  foreach(image board-${name} extractor-${name})
    target_include_directories(${image} PRIVATE ${features} ${generated})
    target_link_libraries(${image} PRIVATE tflm)
  endforeach()
endforeach()
