# What gdb needs: the commands go to share/vlot/gdb, and a file in the auto-load tree, at the path of the library and of the
# command, that loads them. gdb trusts its own tree only: /usr/share/gdb/auto-load in most distributions, so that a prefix other
# than /usr needs -DVLOT_GDB_AUTO_LOAD=/usr/share/gdb/auto-load, or the two lines of docs/debugging.md.

set(VLOT_GDB_AUTO_LOAD "${CMAKE_INSTALL_DATADIR}/gdb/auto-load" CACHE STRING
    "gdb's auto-load tree; relative to the prefix, or absolute")

set(vlot_gdb_dir ${CMAKE_INSTALL_DATADIR}/vlot/gdb)
install(FILES ${PROJECT_SOURCE_DIR}/tools/gdb/vlot.py DESTINATION ${vlot_gdb_dir})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/tools/gdb/vlot_gdb DESTINATION ${vlot_gdb_dir}
        FILES_MATCHING PATTERN "*.py" PATTERN "__pycache__" EXCLUDE)

# vlot_gdb_auto_load(DIRECTORY FILE): the prefix is known only when it is installed, and is part of the path.
function(vlot_gdb_auto_load directory file)
  file(RELATIVE_PATH vlot_gdb_from_file /${directory} /${vlot_gdb_dir})
  configure_file(${PROJECT_SOURCE_DIR}/tools/gdb/auto-load.py.in ${PROJECT_BINARY_DIR}/gdb/${file}-gdb.py @ONLY)
  install(CODE "
    get_filename_component(prefix \"\${CMAKE_INSTALL_PREFIX}\" ABSOLUTE)
    set(tree \"${VLOT_GDB_AUTO_LOAD}\")
    if(NOT IS_ABSOLUTE \"\${tree}\")
      set(tree \"\${prefix}/\${tree}\")
    endif()
    file(INSTALL \"${PROJECT_BINARY_DIR}/gdb/${file}-gdb.py\"
         DESTINATION \"\${tree}\${prefix}/${directory}\")")
endfunction()

if(TARGET vlot_shared)
  vlot_gdb_auto_load(${CMAKE_INSTALL_LIBDIR} libvlot.so.${PROJECT_VERSION})
endif()
if(TARGET vlot)
  vlot_gdb_auto_load(${CMAKE_INSTALL_BINDIR} vlot)
endif()
