/* SPDX-License-Identifier: BSD-2-Clause */
/* What both encodings use: time, and AES for ids and for addresses. */
#include "control/export/encode.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#define SECOND 1000000000u /* nanoseconds */

struct export_encoder *export_encoder_new(void)
{
	struct export_encoder *encoder = calloc(1, sizeof(*encoder));
	uint8_t key[16];
	if (encoder == NULL)
		return NULL;
	encoder->identify = EVP_CIPHER_CTX_new();
	encoder->cipher = EVP_CIPHER_CTX_new();
	if (encoder->identify == NULL || encoder->cipher == NULL ||
	    RAND_bytes(key, sizeof(key)) != 1 ||
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
	EVP_CIPHER_CTX_free(encoder->cipher);
	free(encoder);
}

uint64_t export_wall(const struct export_world *world, uint64_t tsc)
{
	uint64_t age = world->tsc > tsc ? world->tsc - tsc : 0;
	return world->wall - (uint64_t)((double)age / (double)world->tsc_hz * SECOND);
}

static uint8_t rotated(uint8_t byte, unsigned bits)
{
	return (uint8_t)(byte << bits | byte >> (8 - bits));
}

/* One round of ipcrypt (Aumasson), on four bytes. */
static void mix(uint8_t s[static 4])
{
	s[0] = (uint8_t)(s[0] + s[1]);
	s[2] = (uint8_t)(s[2] + s[3]);
	s[1] = rotated(s[1], 2) ^ s[0];
	s[3] = rotated(s[3], 5) ^ s[2];
	s[0] = (uint8_t)(rotated(s[0], 4) + s[3]);
	s[2] = (uint8_t)(s[2] + s[1]);
	s[1] = rotated(s[1], 3) ^ s[2];
	s[3] = rotated(s[3], 7) ^ s[0];
	s[2] = rotated(s[2], 4);
}

void export_address_encrypt(struct export_encoder *encoder, const uint8_t key[static 16],
			    uint8_t *address, size_t length)
{
	uint8_t block[32];
	int used = 0;
	if (length == 4) {
		for (unsigned i = 0; i < 16; i++) {
			address[i % 4] ^= key[i];
			if (i % 4 == 3 && i < 15)
				mix(address);
		}
		return;
	}
	EVP_EncryptInit_ex(encoder->cipher, EVP_aes_128_ecb(), NULL, key, NULL);
	EVP_CIPHER_CTX_set_padding(encoder->cipher, 0);
	EVP_EncryptUpdate(encoder->cipher, block, &used, address, 16);
	memcpy(address, block, 16);
}
