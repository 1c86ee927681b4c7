/* + - * on integers of type T (unsigned twin U).  Define T, U, NAME, and WIDE, a signed type that
 * holds every product, if there is one; all are undefined at the end.
 *
 * Results wrap around; NAME returns whether any row overflowed, and NAME_over tells which. The loop
 * has no branches, so compilers vectorise it. */
#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)

/* *over becomes negative when the row overflows. */
static inline __attribute__((always_inline)) T CAT(NAME, _one)(enum arith op, T a, T b, T *over) {
    if (op == ARITH_ADD) {
        T r = (T)(U)((U)a + (U)b);
        *over = (T)((a ^ r) & (b ^ r));
        return r;
    }
    if (op == ARITH_SUBTRACT) {
        T r = (T)(U)((U)a - (U)b);
        *over = (T)((a ^ b) & (a ^ r));
        return r;
    }
#ifdef WIDE
    WIDE product = (WIDE)a * (WIDE)b;
    *over = (T) - (product != (T)product);
    return (T)product;
#else
    T r;
    *over = -(T)__builtin_mul_overflow(a, b, &r);
    return r;
#endif
}

static bool CAT(NAME, _over)(enum arith op, T a, T b) {
    T over;
    CAT(NAME, _one)(op, a, b, &over);
    return over < 0;
}

/* Blocks of a fixed length, because gcc -O2 vectorises only loops whose count it knows. */
static inline __attribute__((always_inline)) bool
CAT(NAME, _loop)(enum arith op, const T *restrict a, size_t step_a, const T *restrict b,
                 size_t step_b, T *restrict out, size_t rows) {
    T any = 0, over;
    size_t row = 0;
    for (; row + 64 <= rows; row += 64)
        for (size_t i = 0; i < 64; i++) {
            out[row + i] = CAT(NAME, _one)(op, a[(row + i) * step_a], b[(row + i) * step_b], &over);
            any |= over;
        }
    for (; row < rows; row++) {
        out[row] = CAT(NAME, _one)(op, a[row * step_a], b[row * step_b], &over);
        any |= over;
    }
    return any < 0;
}

static inline __attribute__((always_inline)) bool CAT(NAME, _shape)(enum arith op, const T *a,
                                                                    bool const_a, const T *b,
                                                                    bool const_b, T *out,
                                                                    size_t rows) {
    if (const_a) return CAT(NAME, _loop)(op, a, 0, b, const_b ? 0 : 1, out, rows);
    return const_b ? CAT(NAME, _loop)(op, a, 1, b, 0, out, rows)
                   : CAT(NAME, _loop)(op, a, 1, b, 1, out, rows);
}

static bool NAME(enum arith op, const T *a, bool const_a, const T *b, bool const_b, T *out,
                 size_t rows) {
    if (op == ARITH_ADD) return CAT(NAME, _shape)(ARITH_ADD, a, const_a, b, const_b, out, rows);
    if (op == ARITH_SUBTRACT)
        return CAT(NAME, _shape)(ARITH_SUBTRACT, a, const_a, b, const_b, out, rows);
    return CAT(NAME, _shape)(ARITH_MULTIPLY, a, const_a, b, const_b, out, rows);
}

#undef CAT
#undef CAT_
#undef T
#undef U
#undef NAME
#ifdef WIDE
#undef WIDE
#endif
