/* SPDX-License-Identifier: BSD-2-Clause */
/* Actions with data of their own: what answers, and what edits options, records and TTLs. */
#include "control/lua/abi.h"

#include <errno.h>

#include "control/log/writer.h"
#include "dataplane/clock.h"
#include "dataplane/dns/reply.h"

#define VALUES_MAX 256u /* of SpoofRawAction */

static struct policy_model *model(void)
{
	return lua_abi_context()->model;
}

const struct dns_reply_options *lua_reply_options_read(const struct lua_reply_options *from,
						       struct dns_reply_options *to)
{
	if (from == NULL)
		return NULL;
	*to = (struct dns_reply_options){
		.ttl = from->ttl,
		.set_aa = from->set_aa,
		.aa = from->aa,
		.set_ad = from->set_ad,
		.ad = from->ad,
		.set_ra = from->set_ra,
		.ra = from->ra,
	};
	return to;
}

void lua_soa_read(const struct lua_soa *from, struct dns_reply_soa *to)
{
	*to = (struct dns_reply_soa){
		.zone = from->zone.wire,
		.mname = from->mname.wire,
		.rname = from->rname.wire,
		.zone_length = from->zone.length,
		.mname_length = from->mname.length,
		.rname_length = from->rname.length,
		.ttl = from->ttl,
		.serial = from->serial,
		.refresh = from->refresh,
		.retry = from->retry,
		.expire = from->expire,
		.minimum = from->minimum,
	};
}

struct policy_action *sluice_action_cname(const struct lua_name *target,
					  const struct lua_reply_options *options)
{
	struct dns_reply_options made;
	return lua_policy_keep(policy_action_cname(model(), target->wire, target->length,
						   lua_reply_options_read(options, &made)));
}

struct policy_action *sluice_action_raw(const struct lua_bytes *values, size_t count,
					uint16_t type_for_any,
					const struct lua_reply_options *options)
{
	struct dns_reply_rdata list[VALUES_MAX];
	struct dns_reply_options made;
	bool fits = count <= VALUES_MAX;
	for (size_t i = 0; fits && i < count; i++) {
		fits = values[i].length <= UINT16_MAX;
		list[i] = (struct dns_reply_rdata){(const uint8_t *)values[i].data,
						   (uint16_t)values[i].length};
	}
	if (!fits) {
		errno = E2BIG;
		return lua_policy_keep(NULL);
	}
	return lua_policy_keep(policy_action_raw(model(), list, count, type_for_any,
						 lua_reply_options_read(options, &made)));
}

struct policy_action *sluice_action_packet(const char *packet, size_t length)
{
	return lua_policy_keep(policy_action_packet(model(), (const uint8_t *)packet, length));
}

struct policy_action *sluice_action_negative(const struct lua_soa *from, bool authority,
					     const struct lua_reply_options *options)
{
	struct dns_reply_options made;
	struct dns_reply_soa soa;
	lua_soa_read(from, &soa);
	return lua_policy_keep(policy_action_negative(model(), from->nxdomain, &soa, authority,
						      lua_reply_options_read(options, &made)));
}

struct policy_action *sluice_action_continue(const struct policy_action *wrapped)
{
	return lua_policy_keep(policy_action_continue(model(), wrapped));
}

struct policy_action *sluice_action_option(uint16_t code, const char *data, size_t length)
{
	return lua_policy_keep(policy_action_option(model(), code, data, length));
}

struct policy_action *sluice_action_clear(const uint16_t *types, size_t count)
{
	return lua_policy_keep(
		policy_action_types(model(), RULE_ACTION_CLEAR_TYPES, 0, 0, types, count));
}

struct policy_action *sluice_action_limit(uint32_t min, uint32_t max, const uint16_t *types,
					  size_t count)
{
	return lua_policy_keep(
		policy_action_types(model(), RULE_ACTION_LIMIT_TTL, min, max, types, count));
}

struct policy_action *sluice_action_reduce(uint16_t percent)
{
	return lua_policy_keep(policy_action_reduce(model(), percent));
}

struct policy_action *sluice_action_delay(uint32_t ms)
{
	return lua_policy_keep(policy_action_delay(model(), ms));
}

struct policy_action *sluice_action_mac(uint16_t code)
{
	return lua_policy_keep(policy_action_mac(model(), code));
}

/* ---- the log ---- */

struct policy_action *sluice_action_log(const char *path, unsigned int flags)
{
	struct log_writer *writer = lua_abi_context()->log_writer;
	int file = writer != NULL ? log_writer_open(writer, path, flags) : 0;
	if (file < 0) {
		errno = -file;
		return lua_policy_keep(NULL);
	}
	return lua_policy_keep(policy_action_log(model(), (uint16_t)file));
}

void sluice_action_log_reopen(const struct policy_action *action)
{
	log_writer_reopen(lua_abi_context()->log_writer, policy_action_file(action));
}

/* ---- rates ---- */

static struct rate_limit limit_of(double rate, double burst)
{
	uint64_t hz = lua_abi_context()->tsc_hz;
	return rate_limit_of(rate, burst, hz != 0 ? hz : 1000000000u);
}

struct policy_selector *sluice_selector_rate(double rate, double burst)
{
	return lua_policy_keep(policy_selector_rate(model(), limit_of(rate, burst)));
}

struct policy_selector *sluice_selector_client_rate(double rate, double burst, uint8_t v4_prefix,
						    uint8_t v6_prefix, uint32_t clients)
{
	return lua_policy_keep(policy_selector_client_rate(model(), limit_of(rate, burst),
							   v4_prefix, v6_prefix, clients));
}

struct policy_action *sluice_action_rate(double rate)
{
	return lua_policy_keep(policy_action_rate(model(), limit_of(rate, rate)));
}

struct policy_action *sluice_action_rate_pool(double rate, const char *pool, size_t length,
					      bool stop)
{
	return lua_policy_keep(
		policy_action_rate_pool(model(), limit_of(rate, rate), pool, length, stop));
}

/* ---- selectors that came with them ---- */

struct policy_selector *sluice_selector_record_types(uint32_t section, uint16_t type, uint16_t min,
						     uint16_t max)
{
	return lua_policy_keep(policy_selector_record_types(model(), (enum dns_section)section,
							    type, min, max));
}

struct policy_selector *sluice_selector_size(uint32_t comparison, uint16_t size)
{
	return lua_policy_keep(
		policy_selector_size(model(), (enum rule_comparison)comparison, size));
}

static uint64_t tsc_now(void)
{
	return lua_abi_context()->tsc_hz != 0 ? clock_now() : 0;
}

struct policy_selector *sluice_selector_timed(void)
{
	return lua_policy_keep(policy_selector_timed(model()));
}

int sluice_timed_add(struct policy_selector *selector, const struct lua_address *address,
		     double seconds)
{
	uint64_t now = tsc_now();
	double until = (double)now + seconds * (double)lua_abi_context()->tsc_hz;
	uint64_t tsc = until < 1 ? 1 : until < 1e19 ? (uint64_t)until : UINT64_MAX;
	int moved = policy_timed_add(selector, address->bytes, address->ipv6, now, tsc);
	if (moved > 0)
		sluice_policy_changed();
	return moved;
}

void sluice_timed_clear(struct policy_selector *selector)
{
	policy_timed_clear(selector);
}

int sluice_timed_clean(struct policy_selector *selector)
{
	int error = policy_timed_clean(selector, tsc_now());
	if (error == 0)
		sluice_policy_changed();
	return error;
}

struct policy_selector *sluice_selector_regex(const char *expression, bool full, char *error,
					      size_t error_size)
{
	error[0] = '\0';
	return lua_policy_keep(policy_selector_regex(model(), expression,
						     full ? REGEX_FULL : REGEX_SEARCH, error,
						     error_size));
}

struct policy_selector *sluice_selector_pool(const char *name, size_t length)
{
	return lua_policy_keep(policy_selector_pool(model(), name, length));
}

struct policy_selector *sluice_selector_outstanding(const char *name, size_t length,
						     uint32_t limit)
{
	return lua_policy_keep(policy_selector_outstanding(model(), name, length, limit));
}
