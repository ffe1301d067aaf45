# The part of each build of the Arduino app on fake cores that is the same. The includer sets `root`, the repository's
# folder.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(app ${root}/firmware/src/arduino)
set(fake ${root}/tests/arduino/fake)
set(features ${root}/firmware/lib/tflm_features/src)
set(model ${CMAKE_CURRENT_BINARY_DIR}/model)

add_custom_command(
  OUTPUT ${model}/bytefed_model.h
  COMMAND Python3::Interpreter ${root}/tools/model_to_c.py ${root}/models/motion ${model}
  DEPENDS ${root}/tools/model_to_c.py ${root}/models/motion/manifest.json)
add_custom_target(fake_model DEPENDS ${model}/bytefed_model.h)

# build_as_app(target functions to count requests for heap memory by, besides operator new)
function(build_as_app name)
  add_dependencies(${name} fake_model)
  target_include_directories(${name} PRIVATE ${app} ${features} ${model} ${fake} ${fake}/tflm)
  target_compile_definitions(${name} PRIVATE BYTEFED_CAPACITY=60 BYTEFED_MAX_BATCH=32 BYTEFED_LABELS=8 BYTEFED_MAJOR=0 BYTEFED_MINOR=1
                             BYTEFED_PATCH=0)
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wno-deprecated-declarations)  # mallinfo
  target_link_libraries(${name} PRIVATE bytefed_core)
  foreach(symbol _Znwm ${ARGN})
    target_link_options(${name} PRIVATE -Wl,--wrap=${symbol})
  endforeach()
  set_target_properties(${name} PROPERTIES CXX_STANDARD 14 CXX_STANDARD_REQUIRED ON)
endfunction()
