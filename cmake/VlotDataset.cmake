# The data set that `vlot run` replicates unless it is given another one, as a C array, so that an installed
# command needs no file. The text is data/zones.txt.

# vlot_dataset(sources_variable): appends the generated source
function(vlot_dataset sources)
  set(text ${PROJECT_SOURCE_DIR}/data/zones.txt)
  set(generated ${PROJECT_BINARY_DIR}/generated/vlot_dataset.c)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${text})
  file(READ ${text} bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  file(CONFIGURE OUTPUT ${generated} @ONLY
       CONTENT "#include \"dataset.h\"\n
const char vlot__dataset[] = {
@bytes@};
const size_t vlot__dataset_size = sizeof vlot__dataset;
")
  set(${sources} ${${sources}} ${generated} PARENT_SCOPE)
endfunction()
