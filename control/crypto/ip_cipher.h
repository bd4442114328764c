/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses in cipher, for logs that must not name clients: IPv4 through ipcrypt (a permutation of 32
 * bits by J.-P. Aumasson), IPv6 through one block of AES-128, as https://powerdns.org/ipcipher/ has
 * them. An address becomes an address, the same one each time, and whoever has the key gets it back.
 */
#ifndef SLUICE_CONTROL_CRYPTO_IP_CIPHER_H
#define SLUICE_CONTROL_CRYPTO_IP_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IP_CIPHER_KEY 16u
#define IP_CIPHER_PREFIX_KEY 32u

/* The key of a password: PBKDF2 with SHA-1, 50,000 rounds (tens of milliseconds). 0 or -ENOMEM. */
int ip_cipher_key(const char *password, size_t length, uint8_t key[static IP_CIPHER_KEY]);

/* In place: 4 or 16 bytes. 0 or -ENOMEM. */
int ip_cipher_encrypt(uint8_t *address, bool ipv6, const uint8_t key[static IP_CIPHER_KEY]);
int ip_cipher_decrypt(uint8_t *address, bool ipv6, const uint8_t key[static IP_CIPHER_KEY]);

/*
 * In place, so that addresses of one network stay in one: ipcrypt-pfx of draft-denis-ipcrypt. The two
 * halves of the key differ. 0 or -ENOMEM; up to 256 blocks of AES.
 */
int ip_cipher_encrypt_prefixes(uint8_t *address, bool ipv6,
			       const uint8_t key[static IP_CIPHER_PREFIX_KEY]);

#endif
