#pragma once

/* The tables of an app's fields: names, defaults and limits are Marathon's app definition (1.5 to
 * 1.10); where it sets no upper limit, the one here is ours.
 */

#include "field.h"

struct field_table {
	const struct field *rows;
	size_t count;
};

extern const struct field_table app_fields;	    /* struct app: the flat members */
extern const struct field_table upgrade_fields;	    /* struct app: in upgradeStrategy */
extern const struct field_table unreachable_fields; /* struct app: in unreachableStrategy */
extern const struct field_table docker_fields;	    /* struct app: in container.docker */
extern const struct field_table hidden_fields;	    /* struct app: what has code of its own */
extern const struct field_table mapping_fields;	    /* struct app_port: container.portMappings */
extern const struct field_table definition_fields;  /* struct app_port: portDefinitions */
extern const struct field_table check_fields;	    /* struct health_check */

extern const struct field_name check_protocol_names[];
extern const struct field_name constraint_operator_names[];
extern const struct field_name port_protocol_names[];
extern const struct field_name ip_protocol_names[];
extern const struct field_name network_mode_names[];
extern const struct field_name legacy_network_names[];

#define CHECKS_MAX 64
#define PORTS_MAX 1024
#define CONSTRAINTS_MAX 128

#define FIELDS_DEFAULT(table, base) fields_default((table).rows, (table).count, (base))
#define FIELDS_CLEAR(table, base) fields_clear((table).rows, (table).count, (base))
#define FIELDS_COPY(table, to, from) fields_copy((table).rows, (table).count, (to), (from))
#define FIELDS_EQUAL(table, a, b) fields_equal((table).rows, (table).count, (a), (b))
#define FIELDS_READ(reader, table, object, path, base) \
	fields_read((reader), (table).rows, (table).count, (object), (path), (base))
#define FIELDS_WRITE(writer, table, base) \
	fields_write((writer), (table).rows, (table).count, (base))

struct check_traits { /* what a protocol's checks have; the rest is dropped on reading */
	bool port, path, http_1xx, delay, mesos;
};
const struct check_traits *check_traits(enum check_protocol protocol);
