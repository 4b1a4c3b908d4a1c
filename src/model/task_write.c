#include "stadion/model/task_write.h"

#include <string.h>

#include "stadion/model/app.h"

void task_write_ports(struct json_writer *writer, const int32_t *ports, size_t count)
{
	json_key(writer, "ports");
	json_array_begin(writer);
	for (size_t i = 0; i < count; i++)
		if (ports[i] != PORT_NONE)
			json_put_integer(writer, ports[i]);
	json_array_end(writer);
}

void task_write_addresses(struct json_writer *writer, const char *address)
{
	json_key(writer, "ipAddresses");
	json_array_begin(writer);
	if (address[0]) {
		json_object_begin(writer);
		json_field_text(writer, "ipAddress", address);
		json_field_text(writer, "protocol", strchr(address, ':') ? "IPv6" : "IPv4");
		json_object_end(writer);
	}
	json_array_end(writer);
}
