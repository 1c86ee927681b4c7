#!/usr/bin/env python3
"""Edge values through real Spark and through sluice, compared value by value and error by error.

    differential.py [--sluice BINARY] [--only GROUP] [--cache FILE] [--list]      (needs pyspark 4.1)

Every expression of sql_values.py is asked of a table of values in few queries; where a query fails on either
side, each row is asked alone and the error conditions are compared.  Functions that sluice does not have are
counted, not compared.  A difference must stand in differences.accepted (`key<TAB>reason`; `*` in a key stands
for anything); anything else makes the exit status 1.  docs/differences.md explains the accepted ones.
"""
import argparse, os, re, sys, time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from sql_engines import Sluice, Spark, same_text
from sql_values import *

ANALYSIS = re.compile(r'^(DATATYPE_MISMATCH|UNRESOLVED|PARSE|WRONG_NUM_ARGS|INVALID_LITERAL|UNSUPPORTED_FEATURE|UNSUPPORTED_DATATYPE|_LEGACY|NON_FOLDABLE|FIELD_NOT_FOUND|INVALID_EXTRACT)')
JAVA = re.compile(r'[A-Za-z]+Exception$|_LEGACY_ERROR_TEMP_')
REFUSED = ('UNRESOLVED_ROUTINE', 'UNSUPPORTED_FEATURE', 'UNSUPPORTED_EXPRESSION')


class Table:
    def __init__(self, name, literals, shown=None):
        self.name, self.literals, self.shown = name, literals, shown or literals

    def relation(self, rows=None):
        rows = range(len(self.literals)) if rows is None else rows
        return 'VALUES ' + ', '.join('(%d, %s)' % (i, self.literals[i]) for i in rows) + ' AS t(i, v)'


def strings(name, values):
    return Table(name, ["CAST(X'%s' AS STRING)" % v.encode('utf8').hex() for v in values], [repr(v) for v in values])


def typed(kind, values):
    cast = '(' in kind or kind in ('TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE', 'BOOLEAN')
    return Table(kind, ['CAST(%s AS %s)' % (v, kind) if cast else v for v in values], values)


TEXT = strings('text', STRINGS)
BERLIN = (('spark.sql.session.timeZone', 'Europe/Berlin'),)


def groups():
    """name -> [(table or None, [expressions], settings)]"""
    out = {}
    out['examples'] = [(None, None, ANSI)]
    out['cast-text'] = [(TEXT, ['try_cast(v AS %s)' % t for t in TYPES], ANSI), (TEXT, ['CAST(v AS %s)' % t for t in TYPES], LEGACY), (strings('stamps', STAMPS), ['try_cast(v AS TIMESTAMP)'], BERLIN)]
    some = ['x', '', ' ', '1.5', '1e400', '999999999999999999999999', '2024-13-01', '-', '1 2']
    out['cast-text-errors'] = [(strings('some', some), ['CAST(v AS %s)' % t], ANSI) for t in TYPES]
    out['cast-typed'] = []
    for kind, values in LITERALS.items():
        table = typed(kind, values)
        targets = TYPES + (['ARRAY<STRING>', 'ARRAY<INT>', 'ARRAY<BOOLEAN>', 'MAP<STRING,STRING>', 'STRUCT<a: STRING, b: INT>', 'STRUCT<a: INT>'] if '<' in kind or kind in ('STRUCT', 'INT') else [])
        out['cast-typed'] += [(table, ['CAST(v AS %s)' % t for t in targets], ANSI), (table, ['try_cast(v AS %s)' % t for t in targets], ANSI), (table, ['CAST(v AS %s)' % t for t in targets], LEGACY)]
        if kind.startswith('TIMESTAMP') or kind == 'DATE': out['cast-typed'].append((table, ['CAST(v AS %s)' % t for t in ('STRING', 'DATE', 'TIMESTAMP', 'TIMESTAMP_NTZ')], BERLIN))
    texts = strings('texts', TEXTS)
    out['to-timestamp'] = [(texts, ["try_to_timestamp(v, '%s')" % p.replace("'", "\\'") for p in PATTERNS], ANSI), (texts, ["to_timestamp(v, '%s')" % p.replace("'", "\\'") for p in PATTERNS], LEGACY), (texts, ["to_date(v, '%s')" % p.replace("'", "\\'") for p in PATTERNS], LEGACY), (texts, ["unix_timestamp(v, '%s')" % p.replace("'", "\\'") for p in PATTERNS[:8]], LEGACY),
                           (strings('few', ['2024-01-02', 'x', '2024-02-30', '2024-1-2', '']), ["to_timestamp(v, '%s')" % p.replace("'", "\\'") for p in PATTERNS[:6]] + ["to_date(v, 'yyyy-MM-dd')", "to_date(v)", "to_timestamp(v)", "unix_timestamp(v)", "to_timestamp(v, 'yyyy-MM-dd[')", "to_timestamp(v, 'foo')", "to_timestamp(v, 'Y')", "to_date(v, 'E')"], ANSI)]
    for kind in ('DATE', 'TIMESTAMP', 'TIMESTAMP_NTZ'):
        table = typed(kind, LITERALS[kind])
        out.setdefault('date-format', []).append((table, ["date_format(v, '%s')" % f.replace("'", "\\'") for f in FORMATS], ANSI))
        out.setdefault('datetime', []).append((table, STAMP_EXPRS, ANSI))
        if kind == 'TIMESTAMP': out['datetime'] += [(table, STAMP_EXPRS, BERLIN), (table, ["date_format(v, '%s')" % f for f in ('yyyy-MM-dd HH:mm:ss.SSSSSS XXX', 'VV', 'z', 'O', 'Z', 'zzzz')], BERLIN)]
    out['datetime'] += [(None, DATETIME_LITERALS, ANSI), (None, DATETIME_LITERALS, LEGACY)]
    out['unary'] = [(typed(k, LITERALS[k]), UNARY_FORMS, mode) for k in NUMERIC_TYPES for mode in (ANSI, LEGACY)]
    out['binary'] = []
    for left in NUMERIC_TYPES:
        for right in NUMERIC_TYPES:
            values = ['%s' % v for v in LITERALS[right][:8]]
            pairs = [(a, b) for a in LITERALS[left][-7:] for b in values]
            table = Table('%s x %s' % (left, right), ['named_struct(\'a\', CAST(%s AS %s), \'b\', CAST(%s AS %s))' % (a, left, b, right) for a, b in pairs], ['%s, %s' % p for p in pairs])
            out['binary'].append((table, ['v.a %s v.b' % op for op in BINARY_OPS] + ['typeof(v.a %s v.b)' % op for op in BINARY_OPS[:6]], LEGACY))
            out['binary'].append((table, ['try_add(v.a, v.b)', 'try_subtract(v.a, v.b)', 'try_multiply(v.a, v.b)', 'try_divide(v.a, v.b)', 'try_mod(v.a, v.b)', 'pmod(v.a, nullif(v.b, 0))' , 'greatest(v.a, v.b)', 'coalesce(v.a, v.b)'], ANSI))
    small = {k: [LITERALS[k][-1], LITERALS[k][-2], LITERALS[k][1], LITERALS[k][0]] for k in NUMERIC_TYPES}
    for kind in NUMERIC_TYPES:
        pairs = [(a, b) for a in small[kind] for b in small[kind]]
        out['binary'].append((Table('%s pairs' % kind, ['named_struct(\'a\', CAST(%s AS %s), \'b\', CAST(%s AS %s))' % (a, kind, b, kind) for a, b in pairs], ['%s, %s' % p for p in pairs]), ['v.a %s v.b' % op for op in BINARY_OPS[:6]], ANSI))
    out['decimal'] = [(None, DECIMAL_LITERALS, ANSI), (None, DECIMAL_LITERALS, LEGACY)]
    out['string'] = [(strings('plain', PLAIN), STRING_EXPRS, ANSI), (strings('plain', PLAIN), STRING_EXPRS, LEGACY)]
    out['regexp'] = [(strings('plain', PLAIN), [f % r for r in REGEXPS for f in REGEXP_FORMS], ANSI), (None, REGEXP_LITERALS, ANSI)]
    out['nested'] = [(None, NESTED_LITERALS, ANSI), (None, NESTED_LITERALS, LEGACY)]
    import json_differential as j
    records = strings('records', [r for r in j.RECORDS if len(r) < 3000] + j.mutated(100))
    quoted = lambda o: 'map(%s)' % ', '.join("'%s', '%s'" % p for p in o.items())
    wrap = "to_json(struct(from_json(v, '%s') AS r), map('ignoreNullFields', 'false'))"
    out['json'] = [(records, [wrap % s for s in j.SCHEMAS], ANSI), (records, ["to_json(struct(from_json(v, '%s', %s) AS r), map('ignoreNullFields', 'false'))" % (s, quoted(o)) for s, o in j.OPTIONS], ANSI),
                   (records, ["get_json_object(v, '%s')" % p.replace("'", "\\'") for p in j.PATHS], ANSI), (records, ["from_json(v, 'a STRING, b STRING').a", "CAST(from_json(v, 'a STRING, b STRING').a AS DOUBLE) + 0" , "from_json(v, 'a INT, b BIGINT').b"], LEGACY)]
    return out


class Run:
    def __init__(self, sluice, spark):
        self.sluice, self.spark = sluice, spark
        self.compared, self.refused, self.different = 0, {}, []
        self.beside = ThreadPoolExecutor(1) # sluice runs while Spark thinks

    def both(self, queries, settings):
        ours = self.beside.submit(self.sluice.run, queries, settings)
        theirs = self.spark.run(queries, settings)
        return ours.result(), theirs

    def note(self, group, text, settings, ours, theirs):
        mode = ''.join(' {%s=%s}' % (k.split('.')[-2] if k.endswith('enabled') else k.split('.')[-1], v) for k, v in settings)
        self.different.append(('%s: %s%s' % (group, text, mode), ours, theirs))

    def judge(self, group, text, settings, ours, theirs):
        """One row or one literal on both sides."""
        self.compared += 1
        if ours[0] == 'error' and ours[1] in REFUSED and ours[1] != theirs[1]:
            self.refused.setdefault((ours[1], ours[3][:70]), []).append(text)
            return
        if ours[0] == theirs[0] == 'rows':
            a, b = [r[-1] for r in ours[2]], [r[-1] for r in theirs[2]]
            if len(a) == len(b) and all(map(same_text, a, b)): return
            self.note(group, text, settings, repr(a[0] if len(a) == 1 else a), repr(b[0] if len(b) == 1 else b))
        elif ours[0] == theirs[0]:
            if JAVA.match(theirs[1] or ''): return # Spark lets a bare Java exception through
            if ours[1] != theirs[1] or (ours[2] or '') != (theirs[2] or ours[2] or ''): self.note(group, text, settings, '%s %s (%s)' % ours[1:], '%s %s (%s)' % (theirs[1], theirs[2], theirs[3][:160]))
        else:
            show = lambda x: repr(x[2][0][-1] if x[2] else None) if x[0] == 'rows' else '%s %s (%s)' % (x[1], x[2], x[3][:160])
            self.note(group, text, settings, show(ours), show(theirs))

    def literals(self, group, expressions, settings):
        ours = self.beside.submit(self.sluice.run, ['SELECT ' + e for e in expressions], settings)
        theirs = [answer for at in range(0, len(expressions), 8) for answer in self.spark.run_each(expressions[at:at + 8], settings)]
        for text, a, b in zip(expressions, ours.result(), theirs): self.judge(group, text, settings, a, b)

    def table(self, group, table, expressions, settings):
        """In chunks of 12 expressions over all rows; what fails on either side is asked alone, then row by row."""
        ask = lambda e: 'SELECT i, %s FROM %s' % (', '.join('%s AS c%d' % (x, n) for n, x in enumerate(e)), table.relation())
        chunks = [expressions[at:at + 12] for at in range(0, len(expressions), 12)]
        while chunks:
            single = []
            for chunk, ours, theirs in zip(chunks, *self.both([ask(c) for c in chunks], settings)):
                if ours[0] == theirs[0] == 'rows': self.rows(group, table, chunk, settings, ours, theirs)
                elif len(chunk) > 1: single += [[e] for e in chunk]
                else: self.by_row(group, table, chunk[0], settings, ours, theirs)
            chunks = single

    def by_row(self, group, table, expression, settings, ours, theirs):
        analysis = all(x[0] == 'rows' or ANALYSIS.match(x[1] or '') for x in (ours, theirs)) or (ours[0] == 'error' and ours[1] in REFUSED)
        if analysis: return self.judge(group, '%s of %s' % (expression, table.name), settings, ours, theirs)
        rows = list(range(len(table.literals)))
        if len(rows) > 60: rows = rows[::len(rows) // 60 + 1]
        queries = ['SELECT %s FROM %s' % (expression, table.relation([i])) for i in rows]
        for i, a, b in zip(rows, *self.both(queries, settings)): self.judge(group, '%s, v = %s' % (expression, table.shown[i]), settings, a, b)

    def rows(self, group, table, expressions, settings, ours, theirs):
        a, b = ({r[0]: r[1:] for r in side[2]} for side in (ours, theirs))
        for i, shown in enumerate(table.shown):
            for n, expression in enumerate(expressions):
                self.compared += 1
                x, y = (side.get(str(i), ['missing row'] * len(expressions))[n] for side in (a, b))
                if not same_text(x, y): self.note(group, '%s, v = %s' % (expression, shown), settings, repr(x), repr(y))

    def examples(self, binary):
        """Every example of the function table."""
        import subprocess
        lines = subprocess.run([binary, 'functions', '--markdown'], stdout=subprocess.PIPE, check=True).stdout.decode('utf8').split('\n')
        cells = [re.split(r'(?<!\\)\|', line) for line in lines if line.startswith('| `')]
        self.literals('examples', list(dict.fromkeys(c[4].strip()[1:-1].replace('\\|', '|') for c in cells)), ANSI)


def accepted():
    out = []
    path = os.path.join(HERE, 'differences.accepted')
    if not os.path.exists(path): return out
    with open(path, encoding='utf8') as f:
        for line in f:
            if line.strip() and not line.startswith('#'):
                key = line.rstrip('\n').split('\t')[0]
                out.append((key, re.compile('.*'.join(re.escape(p) for p in key.split('*')) + r'\Z', re.S)))
    return out


def show(differences, most):
    """Grouped by expression and mode, the first of each."""
    kinds = {}
    for difference in differences: kinds.setdefault(re.sub(r', v = .*?(?= \{|$)', '', difference[0], flags=re.S), []).append(difference)
    for kind, members in kinds.items():
        print('== %s: %d' % (kind, len(members)))
        for key, ours, theirs in members[:most]: print('   %s\n      sluice %s\n      spark  %s' % (key, ours, theirs))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--sluice', default=os.environ.get('SLUICE', 'build/sluice'))
    parser.add_argument('--only', action='append')
    parser.add_argument('--cache', default=None, help="keeps Spark's answers between runs")
    parser.add_argument('--most', type=int, default=5, help='differences shown of each expression')
    parser.add_argument('--list', action='store_true', help='list accepted differences and refused functions too')
    arguments = parser.parse_args()
    run = Run(Sluice(arguments.sluice), Spark(arguments.cache))
    for name, parts in groups().items():
        if arguments.only and name not in arguments.only: continue
        begin, before = time.time(), run.compared
        for table, expressions, settings in parts:
            if expressions is None: run.examples(arguments.sluice)
            elif table is None: run.literals(name, expressions, settings)
            else: run.table(name, table, expressions, settings)
        print('%-18s %7d values, %.0f s' % (name, run.compared - before, time.time() - begin), flush=True)
    run.spark.save(True)
    rules, known, fresh, used = accepted(), 0, [], set()
    for difference in run.different:
        matching = [key for key, rule in rules if rule.match(difference[0])]
        used.update(matching)
        if matching: known += 1
        else: fresh.append(difference)
    show(run.different if arguments.list else fresh, arguments.most)
    if not arguments.only:
        for key, _ in rules:
            if key not in used: print('accepted, but no difference now: ' + key)
    for (condition, message), texts in sorted(run.refused.items()):
        if arguments.list: print('refused: %s: %s: %d, such as %s' % (condition, message, len(texts), texts[0]))
    print('%d values compared, %d accepted differences, %d refused by name, %d differences' % (run.compared, known, sum(map(len, run.refused.values())), len(fresh)))
    return 1 if fresh else 0


if __name__ == '__main__': sys.exit(main())
