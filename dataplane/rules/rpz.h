/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A response policy zone (draft-vixie-dnsop-dns-rpz) as workers read it: immutable, in memory that
 * a look-up does not add to. control/lists/ builds it from a zone file.
 *
 * QNAME triggers are entries of a name index: the name's own trigger goes before the wildcard of
 * the closest name above. Addresses of answers (rpz-ip) and of clients (rpz-client-ip) are looked
 * up by longest prefix. Which kind of trigger goes before which is the caller's to decide; the
 * draft has clients, then names, then addresses of answers (section 5).
 */
#ifndef SLUICE_DATAPLANE_RULES_RPZ_H
#define SLUICE_DATAPLANE_RULES_RPZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/dns/reply.h"
#include "dataplane/rules/name_index.h"
#include "dataplane/rules/prefix_index.h"

/* policy, what it is called in text */
#define RPZ_POLICIES(X)                                                                            \
	X(NXDOMAIN, "nxdomain")                                                                    \
	X(NODATA, "nodata")                                                                        \
	X(PASSTHRU, "passthru")                                                                    \
	X(DROP, "drop")                                                                            \
	X(TCP_ONLY, "tcp-only")                                                                    \
	X(DATA, "data") /* the action's records: a CNAME, or those of the query's type */          \
	X(WILD_CNAME, "wildcard-cname") /* a CNAME to the query's name before the record's target */

enum rpz_policy {
#define X(policy, name) RPZ_##policy,
	RPZ_POLICIES(X)
#undef X
	RPZ_POLICY_COUNT,
};

#define RPZ_NONE UINT32_MAX /* no action */

/* A record of local data; its owner is the name asked for. */
struct rpz_record {
	uint32_t ttl; /* seconds */
	uint16_t type;
	uint16_t length; /* of its data */
	uint64_t at;	 /* in bytes[]: the data in wire form, names in it not compressed */
};

/*
 * What to do. DATA has one CNAME record, or records of other types sorted by type; WILD_CNAME has
 * one CNAME record whose target lacks the "*" label. The other policies have none.
 */
struct rpz_action {
	uint8_t policy; /* enum rpz_policy */
	uint32_t first; /* in records[] */
	uint32_t count;
};

/* What a name of the index has: numbers of actions, or RPZ_NONE. */
struct rpz_trigger {
	uint32_t self, below;
};

struct rpz_zone {
	const struct name_index *names; /* values: in triggers[] */
	const struct rpz_trigger *triggers;
	const struct rpz_action *actions;
	const struct rpz_record *records;
	const uint8_t *bytes;
	uint32_t n_triggers, n_actions, n_records;
	uint64_t n_bytes;
	const struct prefix_index *answers; /* rpz-ip; values: in actions[] */
	const struct prefix_index *clients; /* rpz-client-ip, likewise */
	struct dns_reply_soa soa;    /* of the zone, for negative answers; it always has one */
};

/* What was found; everything in it is valid as long as the zone. */
struct rpz_match {
	const struct rpz_action *action;
	const struct prefix_entry *prefix; /* for addresses */
	uint16_t offset; /* for names: where the trigger's name begins in the one looked up */
	bool wildcard;	 /* for names: the trigger was "*." before that */
};

/*
 * What name_index_find() or name_index_find_bulk() found in zone->names means; false: nothing. Any
 * lcore.
 */
bool rpz_match_of(const struct rpz_zone *zone, const struct name_match *found,
		  struct rpz_match *match);

/* Whether a prefix covers the address of 4 or 16 bytes. Any lcore. */
bool rpz_find_address(const struct rpz_zone *zone, const struct prefix_index *prefixes,
		      const uint8_t *address, bool ipv6, struct rpz_match *match);

/*
 * The local data of a DATA action that answers a query of this type: the CNAME whatever the type,
 * else the records of that type, for ANY those of the first type. Points `*records` to them and
 * returns how many they are; 0 is NODATA.
 */
unsigned rpz_action_records(const struct rpz_zone *zone, const struct rpz_action *action,
			    uint16_t qtype, const struct rpz_record **records);

/*
 * The target of a WILD_CNAME action for this name: length of the wire name written to `target`, 0
 * if it is too long for a name.
 */
size_t rpz_wild_target(const struct rpz_zone *zone, const struct rpz_action *action,
		       const uint8_t *name, size_t length, uint8_t target[static DNS_NAME_MAX]);

/* Text of a policy, "nxdomain" for example. */
const char *rpz_policy_name(enum rpz_policy policy);

/* Bytes in all. */
size_t rpz_zone_memory(const struct rpz_zone *zone);

/* NULL is nothing to free. */
void rpz_zone_free(struct rpz_zone *zone);

#endif
