# The target `monocypher`: a declared dependency (firmware/monocypher.txt). All builds of a checkout share its two files.
enable_language(C)
get_filename_component(root ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)
set(monocypher ${root}/build/monocypher)
find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)
execute_process(COMMAND ${Python3_EXECUTABLE} ${root}/tools/monocypher.py ${monocypher}
                RESULT_VARIABLE failed ERROR_VARIABLE said)
if(failed)
  message(FATAL_ERROR "${said}")
endif()
add_library(monocypher STATIC ${monocypher}/monocypher.c)
target_include_directories(monocypher SYSTEM PUBLIC ${monocypher})
set_target_properties(monocypher PROPERTIES C_STANDARD 99 C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
target_compile_options(monocypher PRIVATE -O2)
if(CMAKE_CROSSCOMPILING)  # as on boards: an image for one address, and BLAKE2b's rounds in a loop
  set_target_properties(monocypher PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_definitions(monocypher PRIVATE BLAKE2_NO_UNROLLING)
endif()
