/* SPDX-License-Identifier: BSD-2-Clause */
/* Records as collectors read them: protobuf messages of PowerDNS's kind, and of dnstap. Pure code. */
#ifndef SLUICE_CONTROL_EXPORT_ENCODE_H
#define SLUICE_CONTROL_EXPORT_ENCODE_H

#include <openssl/evp.h>

#include "control/export/form.h"

#define EXPORT_ENCODE_MEMORY (1u << 20) /* of the parts of one message */

/* What records have as numbers of their own. */
struct export_world {
	/* One moment: nanoseconds since 1970, and the time that records have. It may be any. */
	uint64_t wall, tsc;
	uint64_t tsc_hz;
	const char *(*pool_name)(void *ctx, uint16_t pool, size_t *length); /* NULL: unknown */
	void *ctx;
};

/* One thread's. */
struct export_encoder {
	EVP_CIPHER_CTX *identify; /* makes the ids of messages */
	size_t used;
	uint8_t memory[EXPORT_ENCODE_MEMORY];
};

/* NULL: no memory. */
struct export_encoder *export_encoder_new(void);
void export_encoder_free(struct export_encoder *encoder);

/* Bytes of the message in `to`; 0: it does not fit, or its parts do not. */
size_t export_protobuf(struct export_encoder *encoder, const struct export_form *form,
		       const struct export_record *record, const struct export_world *world,
		       uint8_t *to, size_t room);
size_t export_dnstap(const struct export_form *form, const struct export_record *record,
		     const struct export_world *world, uint8_t *to, size_t room);

/* When it was, in nanoseconds since 1970. */
uint64_t export_wall(const struct export_world *world, uint64_t tsc);

#endif
