/* Comparison of two columns of T to a bitmap.  Define T, NAME and, for floating point, FLOATING
 * (NaN equals NaN and is greatest); all are undefined at the end.
 *
 * 64 results are made as bytes, which compilers turn into vector code, then packed to one word. */
#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)

static inline __attribute__((always_inline)) uint8_t CAT(NAME, _one)(enum comparison op, T a, T b) {
#ifdef FLOATING
    switch (op) {
    case COMPARE_EQ:
        return (uint8_t)((a == b) | ((a != a) & (b != b)));
    case COMPARE_LT:
        return (uint8_t)((a < b) | ((a == a) & (b != b)));
    default:
        return (uint8_t)((a <= b) | (b != b));
    }
#else
    switch (op) {
    case COMPARE_EQ:
        return a == b;
    case COMPARE_LT:
        return a < b;
    default:
        return a <= b;
    }
#endif
}

static inline __attribute__((always_inline)) void CAT(NAME, _loop)(enum comparison op, const T *a,
                                                                   size_t step_a, const T *b,
                                                                   size_t step_b, uint64_t *out,
                                                                   size_t rows) {
    size_t row = 0;
    for (; row + 64 <= rows; row += 64) {
        uint8_t bytes[64];
        for (size_t i = 0; i < 64; i++)
            bytes[i] = CAT(NAME, _one)(op, a[(row + i) * step_a], b[(row + i) * step_b]);
        out[row / 64] = pack_bytes(bytes);
    }
    if (row == rows) return;
    uint64_t word = 0;
    for (size_t i = 0; row + i < rows; i++)
        word |= (uint64_t)CAT(NAME, _one)(op, a[(row + i) * step_a], b[(row + i) * step_b]) << i;
    out[row / 64] = word;
}

static inline __attribute__((always_inline)) void CAT(NAME, _shape)(enum comparison op, const T *a,
                                                                    bool const_a, const T *b,
                                                                    bool const_b, uint64_t *out,
                                                                    size_t rows) {
    if (const_a)
        CAT(NAME, _loop)(op, a, 0, b, const_b ? 0 : 1, out, rows);
    else if (const_b)
        CAT(NAME, _loop)(op, a, 1, b, 0, out, rows);
    else
        CAT(NAME, _loop)(op, a, 1, b, 1, out, rows);
}

static void NAME(enum comparison op, const T *a, bool const_a, const T *b, bool const_b,
                 uint64_t *out, size_t rows) {
    switch (op) {
    case COMPARE_EQ:
        CAT(NAME, _shape)(COMPARE_EQ, a, const_a, b, const_b, out, rows);
        break;
    case COMPARE_LT:
        CAT(NAME, _shape)(COMPARE_LT, a, const_a, b, const_b, out, rows);
        break;
    default:
        CAT(NAME, _shape)(COMPARE_LE, a, const_a, b, const_b, out, rows);
        break;
    }
}

#undef CAT
#undef CAT_
#undef T
#undef NAME
#ifdef FLOATING
#undef FLOATING
#endif
