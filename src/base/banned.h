/* Functions of the C library that do not know how much room there is, or that keep state of their
 * own: calling one is a compile error that names what to use.
 *
 * Every file gets this header first (`-include base/banned.h`).  The system's own declarations must
 * come before the macros, hence the includes. */
#ifndef SL_BASE_BANNED_H
#define SL_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef sprintf
#undef vsprintf
#undef strtok
#undef gets

#define strcpy(to, from) strcpy_is_banned_use_sl_arena_str_or_snprintf
#define strcat(to, from) strcat_is_banned_use_sl_buf_put_cstr
#define strncpy(to, from, count) strncpy_is_banned_use_memcpy_or_snprintf
#define strncat(to, from, count) strncat_is_banned_use_sl_buf_put
#define sprintf(...) sprintf_is_banned_use_snprintf_or_sl_buf_printf
#define vsprintf(to, fmt, args) vsprintf_is_banned_use_vsnprintf_or_sl_buf_vprintf
#define strtok(text, dividers) strtok_is_banned_use_sl_str_find
#define gets(to) gets_is_banned_use_sl_io

#endif
