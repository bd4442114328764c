/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dnsdist's FFI for answers of types SVCB and HTTPS: RFC 9460. What does not fit into a record is left
 * out: there is no way to say so, until it is to be answered with.
 */
#include "control/lua/abi.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/dns/bytes.h"
#include "dataplane/dns/reply.h"

#define PARAMETERS_MAX 24u /* others than those below */
#define VALUE_MAX 512u
#define RECORDS_MAX (DNS_MESSAGE_MAX / DNS_REPLY_RECORD_SIZE) /* of an answer */
#define DATA_MAX (2u + 255u + (SVC_KEYS + PARAMETERS_MAX) * (4u + VALUE_MAX))

enum { SVC_MANDATORY, SVC_ALPN, SVC_NO_DEFAULT_ALPN, SVC_PORT, SVC_IPV4_HINT, SVC_ECH,
       SVC_IPV6_HINT, SVC_KEYS };

struct parameter {
	uint16_t key, length;
	bool set;
	uint8_t value[VALUE_MAX];
};

struct dnsdist_ffi_svc_record_parameters {
	struct lua_owned owned;
	struct lua_name target;
	uint16_t priority;
	uint8_t broken; /* 1: something did not fit */
	struct parameter known[SVC_KEYS]; /* by their keys, which are 0 to 6 */
	uint16_t n_others;
	struct parameter others[PARAMETERS_MAX];
};

bool dnsdist_ffi_svc_record_parameters_new(const char *targetName, uint16_t priority,
					   bool noDefaultALPN,
					   dnsdist_ffi_svc_record_parameters **out)
{
	struct lua_name target;
	if (targetName == NULL || out == NULL ||
	    sluice_name_parse(targetName, strlen(targetName), &target) != 0)
		return false;
	dnsdist_ffi_svc_record_parameters *made = lua_owned_new(sizeof(*made));
	if (made == NULL)
		return false;
	made->target = target;
	made->priority = priority;
	for (uint16_t key = 0; key < SVC_KEYS; key++)
		made->known[key].key = key;
	made->known[SVC_NO_DEFAULT_ALPN].set = noDefaultALPN;
	*out = made;
	return true;
}

void dnsdist_ffi_svc_record_parameters_free(dnsdist_ffi_svc_record_parameters *parameters)
{
	lua_owned_free(parameters);
}

/* ---- values ---- */

/* Room for so many bytes more at the end of a value; NULL: there is none. */
static uint8_t *value_grow(dnsdist_ffi_svc_record_parameters *parameters, struct parameter *at,
			   size_t length)
{
	if (length > VALUE_MAX - at->length) {
		parameters->broken = 1;
		return NULL;
	}
	uint8_t *end = at->value + at->length;
	at->length = (uint16_t)(at->length + length);
	at->set = true;
	return end;
}

static void value_add(dnsdist_ffi_svc_record_parameters *parameters, struct parameter *at,
		      const void *value, size_t length)
{
	uint8_t *to = value_grow(parameters, at, length);
	if (to != NULL && length > 0)
		memcpy(to, value, length);
}

static void number_add(dnsdist_ffi_svc_record_parameters *parameters, unsigned key, uint16_t number)
{
	uint8_t bytes[2];
	dns_u16_store(bytes, number);
	value_add(parameters, &parameters->known[key], bytes, sizeof(bytes));
}

void dnsdist_ffi_svc_record_parameters_set_port(dnsdist_ffi_svc_record_parameters *parameters,
						uint16_t port)
{
	if (parameters == NULL)
		return;
	parameters->known[SVC_PORT].length = 0;
	number_add(parameters, SVC_PORT, port);
}

void dnsdist_ffi_svc_record_parameters_set_ech(dnsdist_ffi_svc_record_parameters *parameters,
					       const char *ech, size_t echLen)
{
	if (parameters == NULL || ech == NULL)
		return;
	parameters->known[SVC_ECH].length = 0;
	value_add(parameters, &parameters->known[SVC_ECH], ech, echLen);
}

void dnsdist_ffi_svc_record_parameters_set_additional_param(
	dnsdist_ffi_svc_record_parameters *parameters, uint16_t key, const char *value,
	size_t valueLen)
{
	if (parameters == NULL || (value == NULL && valueLen > 0))
		return;
	struct parameter *at = key < SVC_KEYS ? &parameters->known[key] : NULL;
	for (unsigned i = 0; at == NULL && i < parameters->n_others; i++)
		at = parameters->others[i].key == key ? &parameters->others[i] : NULL;
	if (at == NULL && parameters->n_others < PARAMETERS_MAX)
		at = &parameters->others[parameters->n_others++];
	if (at == NULL) {
		parameters->broken = 1;
		return;
	}
	at->key = key;
	at->length = 0;
	at->set = true;
	value_add(parameters, at, value, valueLen);
}

static int numbers_compare(const void *a, const void *b)
{
	return memcmp(a, b, 2);
}

/* Each once and in ascending order, as RFC 9460 (section 8) has them. */
void dnsdist_ffi_svc_record_parameters_add_mandatory_param(
	dnsdist_ffi_svc_record_parameters *parameters, uint16_t key)
{
	if (parameters == NULL)
		return;
	struct parameter *at = &parameters->known[SVC_MANDATORY];
	for (unsigned i = 0; i + 1 < at->length; i += 2)
		if (dns_u16_load(at->value + i) == key)
			return;
	number_add(parameters, SVC_MANDATORY, key);
	qsort(at->value, at->length / 2, 2, numbers_compare);
}

void dnsdist_ffi_svc_record_parameters_add_alpn(dnsdist_ffi_svc_record_parameters *parameters,
						const char *value, size_t valueLen)
{
	if (parameters == NULL || value == NULL || valueLen == 0 || valueLen > UINT8_MAX)
		return;
	uint8_t *to = value_grow(parameters, &parameters->known[SVC_ALPN], valueLen + 1);
	if (to == NULL)
		return;
	to[0] = (uint8_t)valueLen;
	memcpy(to + 1, value, valueLen);
}

/* As text or as its bytes, which is what dnsdist's documentation has and what its code takes. */
static void hint_add(dnsdist_ffi_svc_record_parameters *parameters, unsigned key, const char *value,
		     size_t length)
{
	char text[64];
	struct lua_address address;
	size_t size = key == SVC_IPV6_HINT ? 16 : 4;
	if (parameters == NULL || value == NULL)
		return;
	if (length == size) {
		value_add(parameters, &parameters->known[key], value, length);
		return;
	}
	if (length >= sizeof(text))
		return;
	memcpy(text, value, length);
	text[length] = '\0';
	if (sluice_address_parse(text, &address) == 0 && address.ipv6 == (size == 16))
		value_add(parameters, &parameters->known[key], address.bytes, size);
}

void dnsdist_ffi_svc_record_parameters_add_ipv4_hint(dnsdist_ffi_svc_record_parameters *parameters,
						     const char *value, size_t valueLen)
{
	hint_add(parameters, SVC_IPV4_HINT, value, valueLen);
}

void dnsdist_ffi_svc_record_parameters_add_ipv6_hint(dnsdist_ffi_svc_record_parameters *parameters,
						     const char *value, size_t valueLen)
{
	hint_add(parameters, SVC_IPV6_HINT, value, valueLen);
}

/* ---- records ---- */

static int keys_compare(const void *a, const void *b)
{
	return (int)((const struct parameter *)a)->key - (int)((const struct parameter *)b)->key;
}

static uint8_t *parameter_write(uint8_t *to, const struct parameter *at)
{
	if (!at->set)
		return to;
	dns_u16_store(to, at->key);
	dns_u16_store(to + 2, at->length);
	memcpy(to + 4, at->value, at->length);
	return to + 4 + at->length;
}

/* The record's data, DATA_MAX bytes at most: its length. */
static size_t record_write(const dnsdist_ffi_svc_record_parameters *from, uint8_t *data)
{
	struct parameter others[PARAMETERS_MAX];
	uint8_t *to = data + 2 + from->target.length;
	dns_u16_store(data, from->priority);
	memcpy(data + 2, from->target.wire, from->target.length);
	if (from->priority == 0) /* an alias has none: section 2.4.2 */
		return (size_t)(to - data);
	for (unsigned key = 0; key < SVC_KEYS; key++)
		to = parameter_write(to, &from->known[key]);
	memcpy(others, from->others, from->n_others * sizeof(others[0]));
	qsort(others, from->n_others, sizeof(others[0]), keys_compare);
	for (unsigned i = 0; i < from->n_others; i++)
		to = parameter_write(to, &others[i]);
	return (size_t)(to - data);
}

bool dnsdist_ffi_dnsquestion_generate_svc_response(
	dnsdist_ffi_dnsquestion_t *dq, const dnsdist_ffi_svc_record_parameters **parametersList,
	size_t parametersListSize, uint32_t ttl)
{
	if (parametersList == NULL || parametersListSize == 0 || parametersListSize > RECORDS_MAX)
		return false;
	struct lua_bytes *values = malloc(parametersListSize * sizeof(*values));
	uint8_t *data = malloc(DNS_MESSAGE_MAX + DATA_MAX);
	bool fits = data != NULL && values != NULL;
	size_t used = 0;
	for (size_t i = 0; fits && i < parametersListSize; i++) {
		fits = parametersList[i] != NULL && !parametersList[i]->broken &&
		       used <= DNS_MESSAGE_MAX;
		if (!fits)
			break;
		values[i] = (struct lua_bytes){(const char *)data + used,
					       record_write(parametersList[i], data + used)};
		used += values[i].length;
	}
	bool made = fits &&
		    sluice_question_spoof_raw(dq, values, parametersListSize, 0, ttl) == 0;
	free(values);
	free(data);
	return made;
}
