"""The index over the words of listed builders, in each database's own way.

Words are separated by spaces, folded already, and cut where a script has no spaces: neither database is to find words
itself, so that both find the same. PostgreSQL gets a GIN index over the words as lexemes, without a dictionary, and
keeps long texts out of the rows, which it reads for each hit. SQLite gets an FTS5 index without positions, kept by
triggers: nothing else writes to it.

Here too is how PostgreSQL keeps what imports write most of. Rows of imports stay whole: each is written once and read
once, and to compress it would take as long as all else. Their statistics are made of few: for these PostgreSQL reads
whole rows, and an import is looked for by its number alone. Builders have as much room again on their page: an import
changes all of a page at once, and those that stay on it need no new entry in any of their five indexes.
"""

from django.db import migrations

IMPORT_ROW = """
    job_id number cells values problems source_key fingerprint outcome builder_id builder_rev reason difference
    before is_decided
""".split()
POSTGRES = (
    "ALTER TABLE builders_listedwords ALTER COLUMN words SET STORAGE EXTERNAL, SET (toast_tuple_target = 128)",
    "ALTER TABLE builders_importrow SET (toast_tuple_target = 8160)",
    "ALTER TABLE builders_importrow " + ", ".join(f'ALTER "{name}" SET STATISTICS 10' for name in IMPORT_ROW),
    "ALTER TABLE builders_builder SET (fillfactor = 50)",
    """
    CREATE INDEX listed_words_index ON builders_listedwords USING gin (array_to_tsvector(string_to_array(words, ' ')))
    """,
)
SQLITE = (
    """
    CREATE VIRTUAL TABLE builders_words_index USING fts5(
        words, content='builders_listedwords', content_rowid='builder_id', tokenize='ascii', detail='none', columnsize=0
    )
    """,
    """
    CREATE TRIGGER listed_words_added AFTER INSERT ON builders_listedwords BEGIN
        INSERT INTO builders_words_index (rowid, words) VALUES (new.builder_id, new.words);
    END
    """,
    """
    CREATE TRIGGER listed_words_removed AFTER DELETE ON builders_listedwords BEGIN
        INSERT INTO builders_words_index (builders_words_index, rowid, words)
        VALUES ('delete', old.builder_id, old.words);
    END
    """,
    """
    CREATE TRIGGER listed_words_changed AFTER UPDATE OF builder_id, words ON builders_listedwords BEGIN
        INSERT INTO builders_words_index (builders_words_index, rowid, words)
        VALUES ('delete', old.builder_id, old.words);
        INSERT INTO builders_words_index (rowid, words) VALUES (new.builder_id, new.words);
    END
    """,
)


def make_index(apps, schema_editor):
    for statement in POSTGRES if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement)


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX listed_words_index")
        return
    for name in ("added", "removed", "changed"):
        schema_editor.execute(f"DROP TRIGGER listed_words_{name}")
    schema_editor.execute("DROP TABLE builders_words_index")


class Migration(migrations.Migration):
    dependencies = [("builders", "0001_initial")]
    operations = [migrations.RunPython(make_index, drop_index)]
