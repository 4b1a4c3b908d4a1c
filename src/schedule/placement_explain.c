#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_value.h"
#include "port_needs.h"
#include "stadion/base/text.h"

/* Reasons are joined by "; ". */
static void next_reason(struct text *text)
{
	if (text->len > 0)
		text_add(text, "; ");
}

/* What there is, is told in steps: nobody wants to read of the odd KiB. */
static void explain_amount(struct text *text, const char *format, int64_t needed, int64_t has,
			   int64_t unit, int64_t step)
{
	char needs_text[32], has_text[32];

	(void)snprintf(needs_text, sizeof(needs_text), "%.10g", (double)needed / (double)unit);
	(void)snprintf(has_text, sizeof(has_text), "%.10g",
		       has > 0 ? (double)(has - has % step) / (double)unit : 0.0);
	next_reason(text);
	text_addf(text, "needs %s %s, has %s", needs_text, format, has_text);
}

static void explain_constraints(struct text *text, const struct placement_request *request,
				size_t host)
{
	for (size_t i = 0; i < request->app->constraint_count; i++) {
		const struct constraint *constraint = &request->app->constraints[i];
		const char *value;

		if (constraint_accepts(constraint, request, host))
			continue;
		value = host_value(&request->hosts[host], constraint->field);
		next_reason(text);
		text_addf(text, "constraint %s %s%s%s refuses %s", constraint->field,
			  constraint_operator_name(constraint->operator),
			  constraint->value ? " " : "", constraint->value ? constraint->value : "",
			  value ? value : "a host without it");
	}
}

static void explain_ports(struct text *text, const struct app *app,
			  const struct placement_host *host)
{
	int32_t taken = port_taken(app, host);
	size_t random = ports_asked_random(app);

	if (taken > 0) {
		next_reason(text);
		text_addf(text, "needs host port %d, which is taken", taken);
	}
	if (random > 0 && ports_free(app, host) < random) {
		next_reason(text);
		text_addf(text, "needs %zu host ports, has %zu free in %u-%u", random,
			  ports_free(app, host), host->port_low, host->port_high);
	}
}

void placement_explain(const struct placement_request *request, size_t host, unsigned refusals,
		       char *out, size_t size)
{
	const struct app *app = request->app;
	const struct placement_host *it = &request->hosts[host];
	struct text text = TEXT_INIT(16384);

	if (refusals & REFUSED_UNREACHABLE)
		text_add(&text, "the host is unreachable");
	if (refusals & REFUSED_ENGINE) {
		next_reason(&text);
		text_add(&text, "its Docker Engine does not answer");
	}
	if (refusals & REFUSED_ROLE) {
		next_reason(&text);
		text_add(&text, "acceptedResourceRoles does not have *, the only role of hosts");
	}
	if (refusals & REFUSED_CONSTRAINT)
		explain_constraints(&text, request, host);
	if (refusals & REFUSED_CPUS)
		explain_amount(&text, "cpus", app->cpu_milli, it->cpu_milli, 1000, 1);
	if (refusals & REFUSED_MEMORY)
		explain_amount(&text, "MB of memory", app->mem_kib, it->mem_kib, 1024, 1024);
	if (refusals & REFUSED_DISK)
		explain_amount(&text, "MB of disk", app->disk_kib, it->disk_kib, 1024, 1024);
	if (refusals & REFUSED_GPUS)
		explain_amount(&text, "gpus", app->gpus, 0, 1, 1);
	if (refusals & REFUSED_PORTS)
		explain_ports(&text, app, it);
	(void)text_copy(out, size, text_string(&text));
	text_clear(&text);
}
