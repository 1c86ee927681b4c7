# cmake -DFILE=.. -DNAME=.. -DOUT=.. -P embed.cmake: a C file with the bytes of FILE as `NAME`, NUL behind them, and
# their number as `NAME_len`.
file(READ ${FILE} hex HEX)
string(LENGTH "${hex}" len)
math(EXPR len "${len} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "#include <stddef.h>\nextern const char ${NAME}[];\nextern const size_t ${NAME}_len;\n"
  "const char ${NAME}[] = {${bytes}0};\nconst size_t ${NAME}_len = ${len};\n")
