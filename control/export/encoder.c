/* SPDX-License-Identifier: BSD-2-Clause */
/* What encodings use: time, and AES for ids. */
#include "control/export/encode.h"

#include <stdlib.h>

#include <openssl/rand.h>

#define SECOND 1000000000u /* nanoseconds */

struct export_encoder *export_encoder_new(void)
{
	struct export_encoder *encoder = calloc(1, sizeof(*encoder));
	uint8_t key[16];
	if (encoder == NULL)
		return NULL;
	encoder->identify = EVP_CIPHER_CTX_new();
	if (encoder->identify == NULL || RAND_bytes(key, sizeof(key)) != 1 ||
	    EVP_EncryptInit_ex(encoder->identify, EVP_aes_128_cbc(), NULL, key, NULL) != 1) {
		export_encoder_free(encoder);
		return NULL;
	}
	EVP_CIPHER_CTX_set_padding(encoder->identify, 0);
	return encoder;
}

void export_encoder_free(struct export_encoder *encoder)
{
	if (encoder == NULL)
		return;
	EVP_CIPHER_CTX_free(encoder->identify);
	free(encoder);
}

uint64_t export_wall(const struct export_world *world, uint64_t tsc)
{
	__extension__ typedef __int128 wide;
	wide since = (wide)(int64_t)(tsc - world->tsc) * SECOND / (wide)world->tsc_hz;
	return world->wall + (uint64_t)(int64_t)since;
}
