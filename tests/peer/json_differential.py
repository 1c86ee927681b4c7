#!/usr/bin/env python3
"""from_json of real Spark against the JSON decoder, record by record.

    json_differential.py DRIVER [--random N] [--seed N] [--expected FILE]

Needs pyspark; DRIVER is built from json_driver.c. With SLUICE_CORPORA set, JSONTestSuite's files take part.

Every record is decoded with every schema on both sides, in the driver once through each path, and the rows
are compared as to_json prints them. Exit status 1 and a list when they differ.
"""
import argparse, glob, json, os, random, re, struct as bits, subprocess, sys

RECORDS = [
    # root
    '', ' ', '\t\r\n ', '{}', ' {} ', '[]', '[{}]', 'null', 'true', '5', '"x"', '{', '}', '[', ']', '{]', '[}', ',', ':',
    '{"a":1} junk', '{"a":1}{"a":2}', '{"a":1},', '\ufeff{"a":1}', '\x00{"a":1}', '{"a":1}\x00', '\x01', '\x0b{"a":1}',
    '{"a":1', '{"a":1,', '{"a":', '{"a"', '{"a', '{"', '{"a":1,}', '{,}', '{,"a":1}', '{"a":1,,"b":2}', '{"a" 1}', '{"a"::1}',
    '{"a":1 "b":2}', '{"a":1;"b":2}', '{a:1}', "{'a':1}", '{"a":1]', '{"a":[1}', '{"b":2,"a":1', '{"b":2,"a":"x', '// c\n{"a":1}', '{"a":/*x*/1}',
    '{"a":#1}', '#{"a":1}',
    # scalars in every field
    *['{"a":%s,"b":%s,"z":7}' % (v, v) for v in (
        '1', '-1', '0', '-0', '00', '01', '-01', '1.', '.5', '-.5', '+1', '-', '--1', '1e5', '1E+5', '1e-5', '1e', '1e+', '1.5', '1.0', '-0.0', '1.10', '0.1', '1e400',
        '1e-400', '-1e400', '5e-324', '1e23', '123456789.123456789', '9007199254740993', '0.000001', '0.0001', '0.001', '1234567.0', '12345678.0', '1e7', '1e6', '127', '128', '200', '255', '256', '-128', '-129',
        '32767', '32768', '-32768', '-32769', '2147483647', '2147483648', '-2147483648', '-2147483649', '9223372036854775807', '9223372036854775808', '-9223372036854775808', '-9223372036854775809',
        '123456789012345678901234567890', '1x', '1 2', '1"', 'true', 'false', 'null', 'True', 'tru', 'truex', 'true1', 'nul', 'nulll', 'fals', 'nan', 'NaN', 'NaNx', 'Na', 'INF', '-INF', '+INF', 'Infinity', '-Infinity', '+Infinity', 'Inf', '-Inf', '-I', '+',
        'undefined', "'x'", "'x\"y'", "'it\\'s'", "''", '""', '"1"', '"-1"', '"1.5"', '" 1"', '"1 "', '"+1"', '"1e2"', '"1,234.5"', '","', '"."', '"1."', '".5"', '"-"', '"1e"', '"0x1"', '"abc"', '"true"', '"null"', '"NaN"', '"+INF"', '"-Infinity"', '"Infinity"', '"inf"',
        '"\\u0041\\n\\t\\"\\\\\\/\\b\\f\\r"', '"\\u00e9\\u20ac"', '"\\ud83d\\ude00"', '"\\ud800"', '"\\udc00"', '"\\ud800x"', '"\\ud800\\ud800"', '"\\ude00\\ud83d"', '"\\u"', '"\\u12"', '"\\u12g4"', '"\\q"', '"\\"', '"\\\'"', '"\\u0000"', '"\\u001f"',
        '"\x01"', '"\x1f"', '"\n"', '"\t"', '"\x7f"', '"\u00e9\u20ac\U0001f600"', '"a\u0000b"', '[]', '[1]', '[1,2]', '[1,"x"]', '["x",1]', '[null]', '[[1],[2]]', '[1,]', '[,1]', '[1 2]', '[tru]', '[1.]', '[0.]', '[1e]', '[1x]', '[\u00e9]', '[\u20ac]', '[\U0001f600]',
        '{}', '{"c":1}', '{"c":"x"}', '{"k":1,"k":2}', '{"k":"x","b":5}', '{"c":tru}', '{"c":1,}', '{"c" 1}', '{c:1}', '{"c":[1,{"d":"\\u00e9"}]}', '[{"c":1}]', '[{"c":"x"},{"c":2}]', '[{"c":1},5]', '[{"c":1},null]', '[{"c":1},[2]]', '[[{"c":1}]]', '{"x" : 1.10 , "y" : [ 1 , 2.50 , "\\u0001\\ud83d\\ude00" , null , true , NaN ] }',
        '"AQID"', '"AQI="', '"AQ=="', '"AQI"', '"AQ"', '"A"', '"A==="', '"AQ ID"', '"AQID AQID"', '" AQID "', '"AQID\\nAQ=="', '"AQI=x"', '"AQ==AQ=="', '"A\\u0051ID"', '"A-_Q"', '"AQI\\u003d"',
        '"2024-01-02"', '"2024-01-02T03:04:05Z"', '1e0', '10000000000', '99999999999999', '0.125', '999.994', '999.995', '-999.995', '999.9949999999999', '1.005', '-1.005', '0.005', '0.0049999', '1e-3', '5e-3', '0.00e5', '12345.678e-2',
        '1' + '0' * 18, '1' + '0' * 19, '0.' + '0' * 30 + '1', '1.' + '3' * 30, '9' * 999, '9' * 1000, '9' * 1001, '1.' + '9' * 999, '1.' + '9' * 1000, '-' + '9' * 1000,
    )],
    # errors inside strings, where Jackson goes on reading
    '{"a":"abc\\q, "b": 1}', '{"a":"abc\\q", "b": 1}', '{"b":1,"a":"x\x01,"z":3}', '{"z":"\\q,"b":3}', '{"a":{"c":"\\q,"k":1},"b":2}', '{"a":"A","b":"x"}', '{"a":"AQI","b":"AQID"}', '{"a":"\\q","b":"AQID"}',
    '{"a":["\\q],"b":2}', '{"a":["\\q,1],"b":2}', '{"a":[tru],"b":1}', '{"a":[trux],"b":1}', '{"a":{"c":tru},"b":1}', '{"a":{"c":1.},"b":1}', '{"a":{"c" 5},"b":1}', '{"a":{"c":5 "k":6},"b":1}', '{"a":{5:5},"b":1}', '{"a":[01],"b":2}', '{"a":[1.],"b":2}', '{"a":[-],"b":2}', '{"a":[--1],"b":2}', '{"a":[+],"b":2}', '{"a":[1e+],"b":2}', '{"a":[Nax],"b":2}', '{"a":[\u00e9],"b":2}', '{"a":[@],"b":2}', '{"a":[.],"b":2}', '{"a":[1,}],"b":2}',
    # keys
    '{"a":1,"a":2}', '{"a":1,"a":"x"}', '{"a":"x","a":1}', '{"a":1,"a":null}', '{"a":[1],"a":["x"]}', '{"a":[1],"a":[2,3]}', '{"a":[1,2,3],"a":5}', '{"a":{"c":1},"a":{"k":2}}', '{"a":{"c":1},"a":5}', '{"a":{"c":1},"a":{"c":tru}}', '{"a":{"k":1},"a":{"k":"x"},"b":1}', '{"a":{"k":1},"a":[],"b":1}',
    '{"a":[{"c":1}],"a":[{"c":2},5]}', '{"a":"long first value","a":"s","b":"t"}',
    '{"A":1,"B":2}', '{"\\u0061":5,"b":1}', '{"a\\u0000":5}', '{"":1,"a":2}', '{"a ":1}', '{"\u00e9":1,"a":2}', '{"\\q":1,"a":2}', '{"x\n":1,"a":2}', '{"\'a\'":1}', "{'a':'b'}", "{'a\"':1,'b':2}", '{null:1}', '{1:1}', '{"a":1,b:2}', '{$a:1}',
    '{"b":1,"a":2}', '{ "b" : 1 , "a" : 2 }', '\n{\n"a"\n:\n1\n,\n"b"\n:\n2\n}\n', '{"x":{"y":[1,{"z":"}"}]},"a":1}', '{"x":"\\"a\\":1","a":3}', '{"x":[1,2,"]"],"b":4}', '{"x":tru,"a":1}', '{"x":01,"a":1}', '{"x":"\\q","a":1}', '{"x":"\\u12","a":1}', '{"x":[1,],"a":1}', '{"x":{"y":1,},"a":1}', '{"x":NaN,"a":1}', "{\"x\":'q',\"a\":1}", '{"x":"\x01","a":1}', '{"x":{y:1},"a":1}', '{"x":1.,"a":1}',
    '{"a":["\U0001f600",{"c":"\U0001f600"}],"b":["x"]}', '{"a":["\U0001f600"],"b":1}', '{"a":["\\ud800","y"],"b":1}', '{"a":[{"c":["\U0001f600"]}]}', '{"a":[["\\ud800"],["\U0001f600"]]}',
    '{"_corrupt_record":"x","a":1}', '{"_corrupt_record":5,"a":"x"}',
    # depth
    *['{"a":%s%s,"b":1}' % ('[' * n, ']' * n) for n in (2, 47, 48, 49, 60, 999, 1000)],
    *['{"x":%s%s,"b":1}' % ('[' * n, ']' * n) for n in (47, 48, 49, 998, 999, 1000, 1100)],
    '{"x":%s1%s,"b":1}' % ('{"y":' * 999, '}' * 999), '{"x":%s1%s,"b":1}' % ('{"y":' * 1000, '}' * 1000), '[' * 2000,
    '{"%s":1,"a":2}' % ('k' * 49999), '{"%s":1,"a":2}' % ('k' * 50000), '{"%s":1,"a":2}' % ('k' * 50001),
    # roots for arrays and maps
    '[1,2]', '[1,"x"]', '[null,1]', '["a",1,true,null,{"x":1.10},[1]]', '[{"a":1},{"a":"x"}]', '[{"a":1},null]', '[{"a":1},5]', '[1,2] x', '[1,2', '{"k":1,"k":2}', '{"k":"x"}', '{"k":null}', '{"k":{"a":1}}', '{"k":{"a":"x"}}', '{"a":"x","b":{"c":1}}',
]
BYTES = [b'{"a":"\xff","b":1}', b'{"a":"\xe2\x82","b":1}', b'{"a":"x\xe2\x82y","b":1}', b'{"a":"\xed\xa0\x80","b":1}', b'{"a":"\xf4\x90\x80\x80"}', b'{"a":"\xc0\x80"}', b'{"a":"\xf0\x9f\x98"}', b'{"a":"\xf0\x9f"}', b'{"a":"\xf0"}', b'{"a":"\xf0\x80\x80\x80"}', b'{"a":"\xe0\x80\x80"}', b'{"a":"\xe0\xa0"}',
         b'{"\xff":1,"a":2}', b'{"\xef\xbf\xbd":1,"b":3}', b'{"\xff":1,"b":3}', b'\xff{"a":1}', b'{"a":\xff}', b'{"a":[\xff],"b":1}', b'{"a":1}\xff', b'{"a":"\xe2', b'{"x":"\xff\xc3","a":1}', b'{"a":{"k":"\xff\xf0\x9f\x98\x80"}}', b'{"a":"' + b'x' * 15 + b'\xc3\xa9' + b'y' * 40 + b'\xff"}']
SCHEMAS = [
    'a STRING, b STRING', 'a INT, b BIGINT', 'a TINYINT, b SMALLINT', 'a FLOAT, b DOUBLE', 'a DECIMAL(5,2), b DECIMAL(38,18)', 'a DECIMAL(18,0), b DECIMAL(20,5)', 'a BOOLEAN, b BINARY', 'a BINARY, b BOOLEAN', 'a DATE, b TIMESTAMP', 'a TIMESTAMP, b INT',
    'a ARRAY<INT>, b INT', 'a ARRAY<STRING>, b STRING', 'a STRUCT<c: INT, k: INT>, b INT', 'a MAP<STRING, INT>, b INT', 'a ARRAY<STRUCT<c: INT>>, b DOUBLE', 'a MAP<STRING, STRUCT<c: INT>>, b INT', 'a ARRAY<ARRAY<INT>>, b INT', 'a MAP<STRING, STRING>, b ARRAY<DOUBLE>',
    'a STRUCT<c: ARRAY<INT>, k: STRUCT<d: STRING>>, b INT', 'b INT, _corrupt_record STRING, a INT', 'a STRING', 'ARRAY<INT>', 'ARRAY<STRING>', 'ARRAY<STRUCT<a: INT>>', 'MAP<STRING, INT>', 'MAP<STRING, STRING>', 'MAP<STRING, STRUCT<a: INT>>', 'STRUCT<a: STRUCT<a: INT, b: INT>, b: STRING>', 'a VOID, b INT',
]
OPTIONS = [
    ('a STRING, b INT', {'allowComments': 'true'}), ('a STRING, b INT', {'allowUnquotedFieldNames': 'true'}), ('a STRING, b INT', {'allowSingleQuotes': 'false'}), ('a STRING, b DOUBLE', {'allowNumericLeadingZeros': 'true'}), ('a DOUBLE, b STRING', {'allowNonNumericNumbers': 'false'}),
    ('a STRING, b BINARY', {'allowBackslashEscapingAnyCharacter': 'true'}), ('a STRING, b INT', {'allowUnquotedControlChars': 'true'}), ('a INT, bad STRING, b STRING', {'columnNameOfCorruptRecord': 'bad'}),
]


def mutated(count, seed=7):
    rnd, out = random.Random(seed), []
    base = [r for r in RECORDS if 8 < len(r) < 200]
    for _ in range(count):
        text = list(rnd.choice(base))
        for _ in range(rnd.randint(1, 3)):
            at, what = rnd.randrange(len(text) + 1), rnd.choice('"\\,:{}[]0123456789.eE+-tfnNI\' \n\x01\u00e9\U0001f600abck')
            kind = rnd.randrange(3)
            if kind == 0: text.insert(at, what)
            elif kind == 1 and at < len(text): text[at] = what
            elif at < len(text): del text[at]
        out.append(''.join(text))
    return out


def spark_rows(cases, records):
    from pyspark.sql import SparkSession
    from pyspark.sql.functions import expr, from_json, get_json_object, struct, to_json
    from pyspark.sql.types import BinaryType, IntegerType, StructField, StructType
    spark = (SparkSession.builder.master('local[1]').config('spark.ui.enabled', 'false').config('spark.sql.session.timeZone', 'UTC')
             .config('spark.sql.shuffle.partitions', '1').getOrCreate())
    spark.sparkContext.setLogLevel('OFF')
    frame = spark.createDataFrame([(i, r) for i, r in enumerate(records)], StructType([StructField('i', IntegerType()), StructField('v', BinaryType())])).coalesce(1).cache()
    out = []
    for schema, options in cases:
        if schema.startswith('path '):
            got = frame.select('i', get_json_object(expr('cast(v as string)'), schema[5:]).alias('j')).orderBy('i').collect()
            out.append([json.dumps(g.j) for g in got])
            continue
        row = struct(from_json(expr('cast(v as string)'), schema, options).alias('r'))
        got = frame.select('i', to_json(row, {'ignoreNullFields': 'false'}).alias('j')).orderBy('i').collect()
        out.append([g.j[5:-1] for g in got])
    spark.stop()
    return out


def our_rows(driver, schema, options, path, records):
    text = b''.join(b'-1\n' if r is None else b'%d\n%s\n' % (len(r), r) for r in records)
    done = subprocess.run([driver, schema, path] + ['%s=%s' % o for o in options.items()], input=text, stdout=subprocess.PIPE)
    if done.returncode: sys.exit('driver failed on %s %s' % (schema, path))
    if schema.startswith('path '):
        parts, at = [], 0
        while at < len(done.stdout):
            end = done.stdout.index(b'\n', at)
            length = int(done.stdout[at:end])
            parts.append(json.dumps(None if length < 0 else done.stdout[end + 1:end + 1 + length].decode('utf8', 'replace')))
            at = end + 1 + max(length, 0) + 1
        return parts
    return [line.decode('utf8', 'surrogateescape') for line in done.stdout.split(b'\n')[:-1]]


PATHS = ['$', '$.a', '$.b', '$.a.c', '$.a[0]', '$.a[1]', '$.a[*]', '$.a[*].c', '$[*]', '$[0]', '$[0].a', '$[*].a', "$['a']", "$['a']['c']", '$.*', '$.a.*', '$[*][*]', '$.a[*][*]', '$.a[0][*]', '$.a[*][0]', '$. a', '$.a ', ' $.a', '$a', '', '$.', '$[', '$[-1]', '$.a[ 0 ]', '$..a', '$.a[1][*]', "$['*']", '$.k', '$.x.y[*]', '$.x.y[1].z']


def utf8(record):
    if record is None: return True
    try: record.decode('utf8'); return True
    except UnicodeDecodeError: return False


def suite():
    """JSONTestSuite's files as they are, and as the value of an unknown and of a known field."""
    out = []
    for path in sorted(glob.glob(os.path.join(os.environ.get('SLUICE_CORPORA', ''), 'json-test-suite/test_parsing/*.json'))):
        with open(path, 'rb') as f: text = f.read()
        if len(text) < 20000: out += [text, b'{"z":%s,"b":1}' % text, b'{"a":%s,"b":1}' % text]
    return out


def same(schema, a, b):
    """Equal, or different texts of the same double: before JDK 19 Double.toString is not the shortest."""
    if a == b: return True
    form = '<f' if 'FLOAT' in schema else '<d'
    def number(m):
        try: return bits.pack(form, float(m.group())).hex()
        except OverflowError: return m.group()
    plain = re.compile(r'-?\d+\.\d+(E-?\d+)?')
    return plain.sub(number, a) == plain.sub(number, b)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('driver'); ap.add_argument('--random', type=int, default=1500); ap.add_argument('--seed', type=int, default=7); ap.add_argument('--expected', help='file to keep Spark\'s answers in')
    ap.add_argument('--show', type=int, default=60)
    o = ap.parse_args()
    records = [None] + [r.encode('utf8') for r in RECORDS] + BYTES + suite() + [r.encode('utf8', 'surrogatepass') for r in mutated(o.random, o.seed)]
    cases = [(s, {}) for s in SCHEMAS] + OPTIONS + [('path ' + p, {}) for p in PATHS]
    try:
        with open(o.expected) as f: expected = json.load(f)
        assert len(expected) == len(cases) and len(expected[0]) == len(records)
    except (TypeError, OSError, AssertionError, ValueError):
        expected = spark_rows(cases, records)
        if o.expected:
            with open(o.expected, 'w') as f: json.dump(expected, f)
    bad, fixed = 0, len(records) - o.random
    for (schema, options), want in zip(cases, expected):
        for path in ('path',) if schema.startswith('path ') else ('strict', 'lookup', 'auto'):
            # the driver reads few forms of dates: not for damaged ones
            upto = fixed if 'DATE' in schema or 'TIMESTAMP' in schema else None
            for record, w, got in zip(records[:upto], want, our_rows(o.driver, schema, options, path, records)):
                # Spark's to_json garbles a corrupt record that is not UTF-8: nothing to compare
                if ('_corrupt' in schema or 'columnNameOfCorruptRecord' in options) and not utf8(record): continue
                if not same(schema, w, got):
                    bad += 1
                    if bad <= o.show: print('%s %s [%s]\n  record %.200r\n  spark  %.200s\n  sluice %.200s' % (schema, options or '', path, record, w, got))
    print('%d records x %d schemas x 3 paths: %d differences' % (len(records), len(cases), bad))
    sys.exit(bad > 0)


if __name__ == '__main__':
    main()
