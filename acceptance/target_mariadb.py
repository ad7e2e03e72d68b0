"""A target for MariaDB of Meltano's SDK: nothing but its SQL target, told the types of MariaDB's columns and to update by key.

The targets for MySQL that PyPI has update no column but the key, or need a platform of their own.
"""

import json

import sqlalchemy
from singer_sdk import typing
from singer_sdk.sql import SQLConnector, SQLSink, SQLTarget
from sqlalchemy.dialects import mysql


class Connector(SQLConnector):
    allow_column_alter, allow_temp_tables = False, False

    def to_sql_type(self, jsonschema_type):
        kind = next(name for name in jsonschema_type["type"] if name != "null") if isinstance(jsonschema_type["type"], list) else jsonschema_type["type"]
        if kind == "string" and jsonschema_type.get("format") == "date-time":
            return mysql.DATETIME(fsp=3)
        if kind == "string" and "maxLength" in jsonschema_type:  # only such a text can be a key
            return mysql.VARCHAR(jsonschema_type["maxLength"])
        return {"integer": mysql.BIGINT(), "number": mysql.DOUBLE(), "boolean": mysql.BOOLEAN()}.get(kind, mysql.LONGTEXT())


class Sink(SQLSink):
    connector_class, max_size = Connector, 1000

    def generate_insert_statement(self, full_table_name, schema):
        names = list(self.conform_schema(schema)["properties"])
        table = sqlalchemy.Table(self.table_name, sqlalchemy.MetaData(), *[sqlalchemy.Column(name, key=name) for name in names])
        insert = mysql.insert(table)
        return insert.on_duplicate_key_update({name: insert.inserted[name] for name in names})

    def conform_record(self, record):
        return {name: json.dumps(value, default=float) if isinstance(value, (dict, list)) else value for name, value in super().conform_record(record).items()}

    def conform_name(self, name, object_type=None):
        return name


class Target(SQLTarget):
    name, default_sink_class = "target-mariadb", Sink
    config_jsonschema = typing.PropertiesList(typing.Property("sqlalchemy_url", typing.StringType, required=True)).to_dict()


if __name__ == "__main__":
    Target.cli()
