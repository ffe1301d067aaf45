# The part of each build of the Arduino app on fake cores that is the same. The includer sets `root`, the repository's
# folder.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(app ${root}/firmware/src/arduino)
set(fake ${root}/tests/arduino/fake)
set(features ${root}/firmware/lib/tflm_features/src)

# headers_of(folder of models/): a target that makes its headers, in model-FOLDER/
function(headers_of name)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/model-${name})
  add_custom_command(
    OUTPUT ${out}/bytefed_model.h
    COMMAND Python3::Interpreter ${root}/tools/model_to_c.py ${root}/models/${name} ${out}
    DEPENDS ${root}/tools/model_to_c.py ${root}/models/${name}/manifest.json)
  add_custom_target(fake_model_${name} DEPENDS ${out}/bytefed_model.h)
endfunction()
headers_of(motion)

# build_as_app(target functions to count requests for heap memory by, besides operator new); its model is app_model, or motion
function(build_as_app name)
  if(NOT app_model)
    set(app_model motion)
  endif()
  add_dependencies(${name} fake_model_${app_model})
  target_include_directories(${name} PRIVATE ${app} ${features} ${CMAKE_CURRENT_BINARY_DIR}/model-${app_model} ${fake} ${fake}/tflm)
  target_compile_definitions(${name} PRIVATE BYTEFED_CAPACITY=60 BYTEFED_MAX_BATCH=32 BYTEFED_LABELS=8 BYTEFED_MAJOR=0 BYTEFED_MINOR=1
                             BYTEFED_PATCH=0)
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wno-deprecated-declarations)  # mallinfo
  target_link_libraries(${name} PRIVATE bytefed_core)
  foreach(symbol _Znwm ${ARGN})
    target_link_options(${name} PRIVATE -Wl,--wrap=${symbol})
  endforeach()
  set_target_properties(${name} PROPERTIES CXX_STANDARD 14 CXX_STANDARD_REQUIRED ON)
endfunction()
