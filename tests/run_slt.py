#!/usr/bin/env python3
"""Runs tests/sql/*.slt, files in sqllogictest format, against sluice; with --engine spark against real Spark.

    run_slt.py [--sluice BINARY] [FILE ...]           every file, with batches of 1, 7 and 4096 rows, 1 and 2 workers
    run_slt.py --engine spark [--accept] [FILE ...]   needs pyspark 4.1; --accept writes Spark's answers into the files

A file holds records, separated by empty lines:

    # comment
    statement ok                       SET name=value, CREATE [TEMPORARY] VIEW; holds for the rest of the file
    statement error CONDITION SQLSTATE
    query TII [colnames] [rowsort]     one letter a column (T text, I integer, R other number); then the SQL
    ----                               then the rows: values as CAST(.. AS STRING) gives them, separated by tabs;
                                       NULL, (empty) for the empty text, backslash escapes; colnames: names first
    onlyif sluice | skipif sluice      the next record; skipif needs a reason in the comment above it

${data} stands for tests/sql/data.  The answers are Spark's, never ours.
"""
import argparse, glob, os, re, sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'peer'))
from sql_engines import Sluice, Spark, same_text

VARIANTS = [(rows, workers) for rows in (4096, 7, 1) for workers in (1, 2)]


class Record:
    def __init__(self, lines, line):
        self.comments = [l for l in lines if l.startswith('#')]
        lines = [l for l in lines if not l.startswith('#')]
        self.line, self.conditions = line, []
        while lines and re.match(r'(onlyif|skipif) ', lines[0]): self.conditions.append(lines.pop(0))
        self.empty = not lines
        if self.empty: return
        self.head = lines[0].split()
        body = lines[1:]
        cut = body.index('----') if '----' in body else len(body)
        self.sql, self.expected = '\n'.join(body[:cut]).strip().rstrip(';'), body[cut + 1:]

    def runs_on(self, engine):
        return all((c.split()[0] == 'onlyif') == (c.split()[1] == engine) for c in self.conditions)

    def text(self):
        out = self.comments + self.conditions
        if self.empty: return '\n'.join(out)
        out += [' '.join(self.head), self.sql]
        if self.head[0] == 'query': out += ['----'] + self.expected
        return '\n'.join(out)


def load(path):
    records, block, start = [], [], 1
    with open(path, encoding='utf8') as f: lines = f.read().split('\n')
    for number, line in enumerate(lines + [''], 1):
        if line.strip(): block.append(line)
        else:
            if block: records.append(Record(block, start))
            block, start = [], number + 1
    return records


def cell(value):
    if value is None: return 'NULL'
    if value == '': return '(empty)'
    text = value.replace('\\', '\\\\').replace('\n', '\\n').replace('\t', '\\t').replace('\r', '\\r')
    text = ''.join(c if c.isprintable() or c == ' ' else '\\u{%x}' % ord(c) for c in text)
    return '\\N' if text == 'NULL' and value is not None else text


def rows_of(record, answer):
    rows = ['\t'.join(map(cell, row)) for row in answer[2]]
    if 'rowsort' in record.head: rows.sort()
    if 'colnames' in record.head and answer[1] is not None: rows.insert(0, '\t'.join(map(cell, answer[1])))
    return rows


def same_rows(a, b):
    return len(a) == len(b) and all(x == y or same_text(x, y) for x, y in zip(a, b))


def complaint(record, answer):
    """None when the record holds."""
    kind = record.head[0]
    if kind == 'query':
        if answer[0] == 'error': return 'error %s %s: %s' % answer[1:]
        got = rows_of(record, answer)
        if same_rows(got, record.expected): return None
        return 'got\n      ' + '\n      '.join(got[:20]) + '\n    wanted\n      ' + '\n      '.join(record.expected[:20])
    if record.head[1] == 'ok': return 'error %s %s: %s' % answer[1:] if answer[0] == 'error' else None
    if answer[0] != 'error': return 'no error but rows %s, wanted %s' % (answer[2][:3], ' '.join(record.head[2:]))
    wanted = record.head[2:]
    if wanted and (answer[1] or '') != wanted[0] or len(wanted) > 1 and (answer[2] or '') != wanted[1]:
        return 'error %s %s: %s\n    wanted %s' % (answer[1], answer[2], answer[3], ' '.join(wanted))
    return None


def segments(records, engine):
    """[(settings, views, records)]: a SET or a view begins a new one."""
    settings, views, out = {}, [], []
    for record in records:
        if record.empty or not record.runs_on(engine): continue
        if record.head[:2] == ['statement', 'ok']:
            m = re.match(r'(?is)^SET\s+([\w.]+)\s*=\s*(.*)$', record.sql)
            if m: settings[m.group(1)] = m.group(2).strip().strip("'")
            else: views.append(record.sql)
            out.append((dict(settings), list(views), []))
        else:
            if not out: out.append(({}, [], []))
            out[-1][2].append(record)
    return out


def run_file(path, engine, ask, accept):
    records, results = load(path), []
    for settings, views, wanted in segments(records, engine):
        data = os.path.join(ROOT, 'tests', 'sql', 'data')
        fill = lambda sql: sql.replace('${data}', data)
        answers = ask([fill(r.sql) for r in wanted], tuple(sorted(settings.items())), [fill(v) for v in views])
        for record, answer in zip(wanted, answers):
            if accept: take(record, answer)
            else: results.append((record, complaint(record, answer)))
    if accept:
        with open(path, 'w', encoding='utf8') as f: f.write('\n\n'.join(r.text() for r in records) + '\n')
    return results, sum(1 for r in records if not r.empty and not r.runs_on(engine))


def take(record, answer):
    """Spark's answer becomes the expected one; a query that fails becomes `statement error` and the reverse."""
    if answer[0] == 'error':
        record.head, record.expected = ['statement', 'error', answer[1] or '', answer[2] or ''], []
        return
    flags = [h for h in record.head[2:] if h in ('colnames', 'rowsort')] if record.head[0] == 'query' else []
    letter = lambda t: 'I' if t in ('tinyint', 'smallint', 'int', 'bigint') else 'R' if t.split('(')[0] in ('float', 'double', 'decimal') else 'T'
    record.head = ['query', ''.join(map(letter, answer[3]))] + flags
    record.expected = rows_of(record, answer)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--sluice', default=os.environ.get('SLUICE', os.path.join(ROOT, 'build', 'sluice')))
    parser.add_argument('--engine', choices=('sluice', 'spark'), default='sluice')
    parser.add_argument('--accept', action='store_true')
    parser.add_argument('--quick', action='store_true', help='one batch size and one worker only')
    parser.add_argument('files', nargs='*')
    arguments = parser.parse_args()
    if arguments.accept and arguments.engine != 'spark': parser.error('only Spark can say what is right')
    files = arguments.files or sorted(glob.glob(os.path.join(ROOT, 'tests', 'sql', '*.slt')))
    spark = Spark() if arguments.engine == 'spark' else None
    variants = [None] if spark else VARIANTS[:1] if arguments.quick else VARIANTS
    passed = failed = skipped = 0
    told = set()
    for path in files:
        for variant in variants:
            if spark: ask = lambda queries, settings, views: spark.run(queries, settings, views)
            else:
                engine = Sluice(arguments.sluice, ['-s', 'sluice.batchRows=%d' % variant[0], '--workers', str(variant[1])])
                ask = engine.run
            results, left_out = run_file(path, arguments.engine, ask, arguments.accept)
            skipped += left_out
            for record, wrong in results:
                if not wrong: passed += 1
                else:
                    failed += 1
                    if (path, record.line, wrong) in told: continue
                    told.add((path, record.line, wrong))
                    where = '' if spark else ' (batches of %d, %d workers)' % variant
                    print('%s:%d%s\n    %s\n    %s' % (os.path.relpath(path), record.line, where, record.sql.replace('\n', '\n    '), wrong))
    print('%d passed, %d failed, %d skipped' % (passed, failed, skipped))
    return 1 if failed else 0


if __name__ == '__main__': sys.exit(main())
