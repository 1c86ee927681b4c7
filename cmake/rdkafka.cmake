# librdkafka >= 2.6: the system's if new enough, else the pinned release that tools/deps built into build/deps.
add_library(sl_rdkafka INTERFACE)
set(SLUICE_DEPS "${CMAKE_SOURCE_DIR}/build/deps" CACHE PATH "where tools/deps puts libraries")
pkg_check_modules(rdkafka_system QUIET IMPORTED_TARGET rdkafka>=2.6)
if(rdkafka_system_FOUND)
  target_link_libraries(sl_rdkafka INTERFACE PkgConfig::rdkafka_system)
elseif(EXISTS ${SLUICE_DEPS}/lib/librdkafka.a)
  target_include_directories(sl_rdkafka SYSTEM INTERFACE ${SLUICE_DEPS}/include)
  pkg_check_modules(rdkafka_ssl REQUIRED IMPORTED_TARGET libssl libcrypto)
  target_link_libraries(sl_rdkafka INTERFACE ${SLUICE_DEPS}/lib/librdkafka.a PkgConfig::rdkafka_ssl
                        PkgConfig::libzstd PkgConfig::liblz4 PkgConfig::zlib m dl Threads::Threads)
else()
  message(WARNING "no librdkafka >= 2.6: run tools/deps (make setup does)")
endif()
