# The tests that lit runs: `ctest -R lit`, or for a part of them `lit -v BUILD/test --filter Dialect`.
#
# test/CMakeLists.txt includes this after the folders that define the tools.
set(GPTC_TEST_SOURCE ${CMAKE_CURRENT_LIST_DIR})
set(GPTC_TEST_TOOLS ${PROJECT_BINARY_DIR}/test/bin)
find_program(GPTC_LIT NAMES lit llvm-lit HINTS ${LLVM_TOOLS_BINARY_DIR} REQUIRED)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
configure_file(${GPTC_TEST_SOURCE}/lit.site.cfg.py.in
               ${CMAKE_CURRENT_BINARY_DIR}/lit.site.cfg.py @ONLY)

add_test(NAME lit COMMAND ${Python3_EXECUTABLE} ${GPTC_LIT} -sv ${CMAKE_CURRENT_BINARY_DIR})
add_test(NAME documents-are-current COMMAND ${PROJECT_SOURCE_DIR}/tools/generate-docs --check)
set_tests_properties(documents-are-current PROPERTIES
  ENVIRONMENT "MLIR_TBLGEN=${LLVM_TOOLS_BINARY_DIR}/mlir-tblgen")
