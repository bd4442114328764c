/* SPDX-License-Identifier: BSD-2-Clause */
/* dnsdist's FFI for how a query came: PROXY headers, MAC addresses, and transports that are not here. */
#include "control/lua/abi.h"

#include <string.h>

#include "control/lua/guard.h"
#include "dataplane/net/proxy.h"
#include "dataplane/rules/actions.h"

#define VALUES_MAX 64u

/* ---- PROXY headers ---- */

/* Bytes of the values, or more than fit into any header. */
static size_t values_size(size_t count, const dnsdist_ffi_proxy_protocol_value_t *values)
{
	size_t size = 0;
	if (count > 0 && values == NULL)
		return UINT16_MAX;
	for (size_t i = 0; i < count && size < UINT16_MAX; i++)
		size += PROXY_VALUE_HEADER + values[i].size;
	return size;
}

static size_t header_write(const struct proxy_header *header, size_t count,
			   const dnsdist_ffi_proxy_protocol_value_t *values, void *out, size_t room)
{
	size_t size = values_size(count, values);
	if (out == NULL || size > UINT16_MAX - PROXY_HEADER_FULL ||
	    proxy_size(header) + size > room)
		return 0;
	uint8_t *at = (uint8_t *)out + proxy_write(out, header, (uint16_t)size);
	for (size_t i = 0; i < count; i++)
		at += proxy_value_write(at, &(struct proxy_value){
						    values[i].type, values[i].size,
						    (const uint8_t *)values[i].value});
	return (size_t)(at - (uint8_t *)out);
}

size_t dnsdist_ffi_generate_proxy_protocol_payload(
	size_t addrSize, const void *srcAddr, const void *dstAddr, uint16_t srcPort,
	uint16_t dstPort, bool tcp, size_t valuesCount,
	const dnsdist_ffi_proxy_protocol_value_t *values, void *out, size_t outSize)
{
	struct proxy_header header = {.stream = tcp, .ipv6 = addrSize == 16,
				      .source_port = srcPort, .destination_port = dstPort};
	if (srcAddr == NULL || dstAddr == NULL || (addrSize != 4 && addrSize != 16))
		return 0;
	memcpy(header.source, srcAddr, addrSize);
	memcpy(header.destination, dstAddr, addrSize);
	return header_write(&header, valuesCount, values, out, outSize);
}

size_t dnsdist_ffi_dnsquestion_generate_proxy_protocol_payload(
	const dnsdist_ffi_dnsquestion_t *dq, const size_t valuesCount,
	const dnsdist_ffi_proxy_protocol_value_t *values, void *out, const size_t outSize)
{
	struct lua_address client, local;
	if (!sluice_question_address(dq, false, &client) ||
	    !sluice_question_address(dq, true, &local))
		return 0;
	return dnsdist_ffi_generate_proxy_protocol_payload(
		client.ipv6 ? 16 : 4, client.bytes, local.bytes, client.port, local.port,
		dnsdist_ffi_dnsquestion_get_tcp(dq), valuesCount, values, out, outSize);
}

bool dnsdist_ffi_dnsquestion_add_proxy_protocol_values(
	dnsdist_ffi_dnsquestion_t *dq, const size_t valuesCount,
	const dnsdist_ffi_proxy_protocol_value_t *values)
{
	if (valuesCount == 0 || values_size(valuesCount, values) >= UINT16_MAX)
		return false;
	for (size_t i = 0; i < valuesCount; i++)
		if (sluice_question_proxy_value_add(dq, values[i].type, values[i].value,
						    values[i].size) != 0)
			return false;
	return true;
}

size_t dnsdist_ffi_dnsquestion_get_proxy_protocol_values(
	dnsdist_ffi_dnsquestion_t *dq, const dnsdist_ffi_proxy_protocol_value_t **out)
{
	static __thread dnsdist_ffi_proxy_protocol_value_t list[VALUES_MAX];
	struct lua_option values[VALUES_MAX];
	size_t found = sluice_question_proxy_values(dq, values, VALUES_MAX), count = 0;
	for (size_t i = 0; i < found && i < VALUES_MAX; i++) {
		const struct lua_bytes *data = &values[i].data;
		list[count++] = (dnsdist_ffi_proxy_protocol_value_t){
			lua_guard_copy(dq, data->data, data->length, __func__),
			(uint16_t)data->length, (uint8_t)values[i].code};
	}
	if (out != NULL && count > 0)
		*out = lua_guard_copy(dq, list, count * sizeof(list[0]), __func__);
	return count;
}

/* ---- the link ---- */

size_t dnsdist_ffi_dnsquestion_get_mac_addr(const dnsdist_ffi_dnsquestion_t *dq, void *buffer,
					    size_t bufferSize)
{
	const struct lua_context *context = lua_abi_context();
	struct rte_mbuf *mbuf = sluice_question_find(dq);
	const uint8_t *mac =
		mbuf != NULL ? rule_client_mac(&packet_of(mbuf)->query, context->ports) : NULL;
	if (mac == NULL || buffer == NULL || bufferSize < 6)
		return 0;
	memcpy(buffer, mac, 6);
	return 6;
}

/* ---- what no query here came over ---- */

void dnsdist_ffi_dnsquestion_get_sni(const dnsdist_ffi_dnsquestion_t *dq, const char **sni,
				     size_t *sniSize)
{
	(void)dq;
	*sni = NULL;
	*sniSize = 0;
}

void dnsdist_ffi_dnsquestion_set_http_response(dnsdist_ffi_dnsquestion_t *dq, uint16_t statusCode,
					       const char *body, size_t bodyLen,
					       const char *contentType)
{
	(void)dq, (void)statusCode, (void)body, (void)bodyLen, (void)contentType;
}

void dnsdist_ffi_dnsquestion_send_trap(dnsdist_ffi_dnsquestion_t *dq, const char *reason,
				       size_t reasonLen)
{
	(void)dq, (void)reason, (void)reasonLen;
}

const char *dnsdist_ffi_dnsquestion_get_http_path(dnsdist_ffi_dnsquestion_t *dq)
{
	(void)dq;
	return NULL;
}

const char *dnsdist_ffi_dnsquestion_get_http_query_string(dnsdist_ffi_dnsquestion_t *dq)
{
	(void)dq;
	return NULL;
}

const char *dnsdist_ffi_dnsquestion_get_http_host(dnsdist_ffi_dnsquestion_t *dq)
{
	(void)dq;
	return NULL;
}

const char *dnsdist_ffi_dnsquestion_get_http_scheme(dnsdist_ffi_dnsquestion_t *dq)
{
	(void)dq;
	return NULL;
}

size_t dnsdist_ffi_dnsquestion_get_http_headers(dnsdist_ffi_dnsquestion_t *dq,
						const dnsdist_ffi_http_header_t **out)
{
	(void)dq, (void)out;
	return 0;
}
