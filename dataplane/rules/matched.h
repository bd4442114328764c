/* SPDX-License-Identifier: BSD-2-Clause */
/* What lists have for a packet, and the entry that matched as text. */
#ifndef SLUICE_DATAPLANE_RULES_MATCHED_H
#define SLUICE_DATAPLANE_RULES_MATCHED_H

#include "dataplane/rules/chain.h"

#define MATCHED_TEXT_SIZE 1100u /* for names with all their bytes escaped, and some text */

/* What is looked up in a list. */
enum matched_trigger {
	MATCHED_NAME,	/* the question's name */
	MATCHED_CLIENT, /* the client's address; for a zone its rpz-client-ip; for a table of
			 * subscribers its port too */
	MATCHED_LOCAL,	/* the address the client asked */
	MATCHED_ANSWER, /* the first address in the answer section that is listed (rpz-ip) */
};

/*
 * Whether the list covers the packet, a query or for MATCHED_ANSWER a response; fills in
 * context->matched if so. `exact`: the name must itself be an entry.
 */
bool matched_find(const struct live_list *list, enum matched_trigger trigger, bool exact,
		  struct rte_mbuf *mbuf, struct rule_context *context);

/* The question's name in the message; NULL if the message has lost its question. */
const uint8_t *matched_name(struct rte_mbuf *mbuf, size_t *length);

/*
 * Writes text with {entry} and {list} replaced by what matched, by nothing if nothing did, cut to
 * `size` bytes. Returns its length; there is no NUL.
 */
size_t matched_expand(const char *text, size_t length, struct rte_mbuf *mbuf,
		      const struct rule_context *context, char *to, size_t size);

/*
 * Does what a response policy zone says about the packet: the entry that the rule's selector found,
 * if it is one of this zone, else what is looked up: for queries the client, then the name, for
 * responses the addresses of the answer. RULE_GO_ON if there is nothing; PASSTHRU exempts the
 * packet and its response from all zones that follow.
 */
enum rule_verdict rule_rpz_run(const struct live_list *list, struct rte_mbuf *mbuf,
			       struct rule_context *context);

/*
 * Sets the tags of the subscriber that the client is, and `id_tag` to its id: the one that the
 * rule's selector found in this table, else the one that is looked up. Nothing is set if there is
 * none. 0, -ENOMEM or -E2BIG.
 */
int rule_subscriber_run(const struct live_list *list, const char *id_tag, size_t id_tag_length,
			struct rte_mbuf *mbuf, struct rule_context *context);

#endif
