"""The two engines that the SQL tests ask: the sluice binary and real Spark.

Both give for each query ('rows', names, [[text or None, ..], ..]) or ('error', condition, sqlstate, message).
Every value is its text as CAST(value AS STRING) gives it.
"""
import csv, hashlib, io, json, os, pickle, re, struct, subprocess, tempfile, time
from decimal import Decimal

HEAD = re.compile(r'^error(?:\[([A-Za-z0-9_.]+)\])?(?: \((\w+)\))?: (.*)')
PLACE = re.compile(r'^ +--> .*?:(\d+):\d+$', re.M)
MARK = '#query#'
PLAIN_OR_NOT = re.compile(r'-?\d+(?:\.\d+)?(?:E-\d+)?\Z')


def is_open(query):
    """Whether a quote or a comment may swallow the statements after it."""
    return any(query.count(q) % 2 for q in "'\"`") or query.count('/*') != query.count('*/')


class Sluice:
    """Runs many queries in one process; a query that fails ends the process, so one more is started for the rest."""

    def __init__(self, binary, arguments=()):
        self.binary, self.arguments, self.processes = binary, list(arguments), 0

    def run(self, queries, settings=(), prelude=()):
        out = [None] * len(queries)
        for alone in [[i] for i, q in enumerate(queries) if is_open(q)] + [[i for i, q in enumerate(queries) if not is_open(q)]]:
            while alone: alone = self._step(queries, alone, settings, prelude, out)
        nested = [i for i, answer in enumerate(out) if answer[0] == 'rows' and any(isinstance(v, list) for row in answer[2] for v in row)]
        if nested: self._texts(queries, nested, settings, prelude, out)
        return out

    def _call(self, text, form, settings):
        with tempfile.NamedTemporaryFile('w', suffix='.sql', delete=False, encoding='utf8') as f: f.write(text)
        arguments = [self.binary, 'sql', form, '-f', f.name] + self.arguments
        for name, value in settings: arguments += ['-s', '%s=%s' % (name, value)]
        try: done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
        finally: os.unlink(f.name)
        self.processes += 1
        return done

    def _texts(self, queries, which, settings, prelude, out):
        """JSON shows nested values as JSON; CSV shows them as the texts that CAST gives."""
        text = ''.join(p + '\n;\n' for p in prelude) + ''.join("SELECT '%s%d' AS mark;\n%s\n;\n" % (MARK, at, queries[at]) for at in which)
        done = self._call(text, '--csv', settings)
        if done.returncode: raise SystemExit('sluice failed in a second run: ' + done.stderr.decode('utf8', 'replace'))
        csv.field_size_limit(1 << 30)
        lines, current = {}, None
        for row in csv.reader(io.StringIO(done.stdout.decode('utf8', 'replace'), newline='')):
            if len(row) == 1 and row[0].startswith(MARK): current = lines.setdefault(int(row[0][len(MARK):]), [])
            elif current is not None and row != ['mark']: current.append(row or [''])
        for at in which:
            answer = out[at]
            pairs = zip(answer[2], lines[at][1:])
            out[at] = ('rows', answer[1], [[t if isinstance(v, list) else v for v, t in zip(row, texts)] for row, texts in pairs])

    def _step(self, queries, todo, settings, prelude, out):
        text, first_line, line = [], {}, 1
        for statement in prelude:
            text.append(statement + '\n;\n')
            line += text[-1].count('\n')
        for at in todo:
            first_line[at] = line
            text.append("SELECT '%s%d' AS mark;\n%s\n;\n" % (MARK, at, queries[at]))
            line += text[-1].count('\n')
        done = self._call(''.join(text), '--json', settings)
        rows, current = {}, None
        for raw in done.stdout.decode('utf8', 'replace').split('\n')[:-1]:
            pairs = json.loads(raw, object_pairs_hook=list, parse_float=str, parse_int=str)
            if len(pairs) == 1 and pairs[0][0] == 'mark' and str(pairs[0][1]).startswith(MARK):
                current = int(pairs[0][1][len(MARK):])
                rows[current] = [None, []]
            else:
                rows[current][0] = [name for name, _ in pairs]
                rows[current][1].append([v if v is None or isinstance(v, list) else 'true' if v is True else 'false' if v is False else str(v) for _, v in pairs])
        for at, (names, values) in rows.items(): out[at] = ('rows', names, values)
        if done.returncode == 0: return []
        message = done.stderr.decode('utf8', 'replace')
        head = next((m for m in map(HEAD.match, message.split('\n')) if m), None)
        error = ('error', head.group(1) or '', head.group(2), head.group(3)) if head else ('error', 'CRASH', str(done.returncode), message[-600:])
        if current is not None:
            out[current] = error
            return [at for at in todo if at > current]
        place = PLACE.search(message)
        if not place: raise SystemExit('sluice failed before the first query: ' + message)
        failed = max((at for at in todo if first_line[at] <= int(place.group(1))), key=lambda at: first_line[at], default=todo[0])
        out[failed] = error
        return [at for at in todo if at != failed]


class Spark:
    """Real Spark, local[1], UTC.  Answers are kept in `cache` (a file), for they do not change."""

    def __init__(self, cache=None):
        self.spark, self.cache_path, self.cache, self.saved = None, cache, {}, time.time()
        if cache and os.path.exists(cache):
            with open(cache, 'rb') as f: self.cache = pickle.load(f)

    def session(self):
        if self.spark is None:
            import logging
            logging.disable(logging.CRITICAL)
            from pyspark.sql import SparkSession
            self.spark = (SparkSession.builder.master('local[1]').config('spark.ui.enabled', 'false').config('spark.ui.showConsoleProgress', 'false').config('spark.sql.session.timeZone', 'UTC')
                          .config('spark.driver.extraJavaOptions', '-Duser.timezone=UTC').config('spark.sql.shuffle.partitions', '1')
                          .config('spark.sql.sources.parallelPartitionDiscovery.threshold', '1000').config('spark.driver.bindAddress', '127.0.0.1')
                          .config('spark.sql.warehouse.dir', tempfile.mkdtemp()).getOrCreate())
            self.spark.sparkContext.setLogLevel('OFF')
            import py4j.java_gateway, py4j.protocol
            py4j.java_gateway.get_return_value = py4j.protocol.get_return_value # without PySpark's translation of errors
            self.java, self.gateway = self.spark._jsparkSession, self.spark.sparkContext._gateway
        return self.spark

    def save(self, now=False):
        if not self.cache_path or not now and time.time() - self.saved < 30: return
        self.saved = time.time()
        with open(self.cache_path + '.new', 'wb') as f: pickle.dump(self.cache, f)
        os.replace(self.cache_path + '.new', self.cache_path)

    def run(self, queries, settings=(), prelude=(), salt=''):
        """salt: what the answers depend on besides the text, such as the content of files."""
        out = []
        ready = False
        for query in queries:
            key = hashlib.sha1(repr((query, sorted(settings), list(prelude), salt)).encode('utf8', 'surrogatepass')).hexdigest()
            if key not in self.cache:
                if not ready: self._prepare(settings, prelude)
                ready = True
                self.cache[key] = self._one(query)
            out.append(self.cache[key])
        if ready: self.save()
        return out

    def run_each(self, expressions, settings=(), table=''):
        """Like run() of `SELECT expression table` for each, with many expressions in one query while none fails."""
        if not expressions: return []
        answer = self.run(['SELECT %s%s' % (', '.join('%s AS c%d' % (e, n) for n, e in enumerate(expressions)) if len(expressions) > 1 else expressions[0], table)], settings)[0]
        if len(expressions) == 1: return [answer]
        if answer[0] == 'rows' and len(answer[2]) == 1 and len(answer[2][0]) == len(expressions):
            return [('rows', [e], [[value]], [kind]) for e, value, kind in zip(expressions, answer[2][0], answer[3])]
        half = len(expressions) // 2
        return self.run_each(expressions[:half], settings, table) + self.run_each(expressions[half:], settings, table)

    def _prepare(self, settings, prelude):
        spark = self.session()
        spark.catalog.clearCache()
        for name in getattr(self, 'set_before', ()): spark.conf.unset(name)
        spark.conf.set('spark.sql.session.timeZone', 'UTC')
        for name, value in settings:
            if name.startswith('spark.'): spark.conf.set(name, value)
        self.set_before = [name for name, _ in settings if name.startswith('spark.')]
        for statement in prelude: spark.sql(re.sub(r'(?i)^\s*CREATE\s+(TEMPORARY\s+)?VIEW', 'CREATE OR REPLACE TEMPORARY VIEW', statement))

    def _one(self, query):
        """Through the Java objects: turning a Java error into PySpark's costs twice what the query costs."""
        from py4j.protocol import Py4JJavaError
        try:
            frame = self.java.sql(query)
            fields = json.loads(frame.schema().json())['fields']
            if not fields: return ('rows', [], [], [])
            plain = frame.toDF(self._strings('c%d' % i for i in range(len(fields))))
            texts = ', '.join('CAST(c%d AS STRING)' % i for i in range(len(fields)))
            rows = plain.selectExpr(self._strings(['to_json(array(%s))' % texts])).collectAsList().toString()
            return ('rows', [f['name'] for f in fields], json_rows(rows), [type_name(f['type']) for f in fields])
        except Py4JJavaError as e: return self._error(e.java_exception)

    def _strings(self, items):
        items = list(items)
        out = self.gateway.new_array(self.gateway.jvm.String, len(items))
        for i, item in enumerate(items): out[i] = item
        return out

    def _error(self, thrown):
        """The outermost error that has a condition; else the name of the innermost one's class."""
        from py4j.protocol import Py4JError
        message = thrown.getMessage() or ''
        while True:
            try: condition = thrown.getCondition()
            except Py4JError: condition = None
            if condition is not None: return ('error', condition, thrown.getSqlState(), (thrown.getMessage() or '').split('\n')[0][:400])
            cause = thrown.getCause()
            if cause is None: break
            thrown = cause
        named = re.search(r'\[([A-Z_0-9.]+)\]', message)
        return ('error', named.group(1) if named else thrown.getClass().getSimpleName(), None, message.split('\n')[0][:400])


SHORT_NAMES = {'integer': 'int', 'long': 'bigint', 'short': 'smallint', 'byte': 'tinyint'}


def type_name(kind):
    """Spark's name of a type from its JSON; of a nested one only the outermost word."""
    return SHORT_NAMES.get(kind, kind) if isinstance(kind, str) else kind['type']


def json_rows(text):
    """The rows of "[[JSON], [JSON]]", as Java prints a list of rows of one text each."""
    decoder, rows, at = json.JSONDecoder(strict=False), [], 2
    while at < len(text) and text != '[]':
        row, at = decoder.raw_decode(text, at)
        rows.append(row)
        at += len('], [')
    return rows


def same_text(a, b):
    """Equal, or texts of the same double: before JDK 19 Double.toString does not give the shortest.  In legacy
    mode Spark also prints small decimals with an exponent where a query's result is turned into text."""
    if a == b: return True
    if a is None or b is None: return False
    if PLAIN_OR_NOT.match(a) and PLAIN_OR_NOT.match(b) and ('E' in a) != ('E' in b): return Decimal(a) == Decimal(b)
    number = re.compile(r'-?\d+\.\d+(?:E-?\d+)?')
    if number.sub('#', a) != number.sub('#', b): return False
    for x, y in zip(number.findall(a), number.findall(b)):
        if x != y:
            digits = max(len(re.sub(r'\D', '', t.split('E')[0])) for t in (x, y))
            double = float(x) == float(y) and (digits >= 15 or 'E' in x)
            try: single = struct.pack('f', float(x)) == struct.pack('f', float(y)) and 7 <= digits <= 10
            except OverflowError: single = False
            if not (double or single): return False
    return True
