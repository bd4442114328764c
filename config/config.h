/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration file: YAML into plain structs, all errors with their place in one go. */
#ifndef SLUICE_CONFIG_CONFIG_H
#define SLUICE_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_PORTS_MAX 16u
#define CONFIG_WORKERS_MAX 64u
#define CONFIG_LIST_MAX 32u /* addresses, gateways, neighbours, listeners, EAL arguments */
#define CONFIG_ADDRESSES_MAX 31u /* of a port, which has its link-local one beside them */
#define CONFIG_INTERFACE_SIZE 16u /* of the kernel's interfaces, with a NUL */
#define CONFIG_SOCKET_PATH_SIZE 108u /* sun_path of unix(7), with a NUL */
#define CONFIG_FILE_MAX (1u << 20) /* bytes */

enum config_hugepages { CONFIG_HUGEPAGES_AUTO, CONFIG_HUGEPAGES_REQUIRE, CONFIG_HUGEPAGES_NEVER };
enum config_steering { CONFIG_STEERING_AUTO, CONFIG_STEERING_RSS, CONFIG_STEERING_FLOW,
		       CONFIG_STEERING_RING };
enum config_oversize { CONFIG_OVERSIZE_TRUNCATE, CONFIG_OVERSIZE_FRAGMENT };
enum config_idle { CONFIG_IDLE_POLL, CONFIG_IDLE_AUTO };
enum config_tcp { CONFIG_TCP_AUTO, CONFIG_TCP_OFF };
enum config_fate { CONFIG_RESUME, CONFIG_SERVFAIL, CONFIG_REFUSED, CONFIG_DROP };
enum config_driver { CONFIG_DRIVER_AUTO, CONFIG_DRIVER_TAP, CONFIG_DRIVER_VIRTIO_USER };
enum config_log_level { CONFIG_LOG_DEBUG, CONFIG_LOG_INFO, CONFIG_LOG_WARNING, CONFIG_LOG_ERROR };
enum config_log_format { CONFIG_LOG_TEXT, CONFIG_LOG_JSON };

struct config_address {
	uint8_t bytes[16]; /* IPv4 in the first four, the rest zero */
	bool ipv6;
	bool has_prefix; /* the text said how long it is */
	bool unsure;	 /* the text said a length that is none: there is an error already */
	uint8_t prefix;	 /* bits; of a host 32 or 128 */
	uint16_t port;	/* host byte order */
	unsigned line, column;
};

struct config_neighbour {
	struct config_address address;
	uint8_t mac[6];
};

/* The interface that gives the kernel what is not for Sluice. */
struct config_kernel {
	char *interface; /* NULL: none */
	char *netns;	 /* a name as of `ip netns`, or an absolute path; NULL: our own */
	uint32_t driver; /* enum config_driver */
	uint32_t rate;	 /* packets a second towards the kernel */
	unsigned line, column;
};

struct config_port {
	char *name;
	char *device;
	unsigned device_line, device_column; /* from 0, as all of these */
	struct config_address addresses[CONFIG_LIST_MAX];
	struct config_address gateways[CONFIG_LIST_MAX];
	struct config_neighbour neighbours[CONFIG_LIST_MAX];
	unsigned n_addresses, n_gateways, n_neighbours;
	bool networks_unsure; /* there is an error already: what a gateway's network is nobody knows */
	uint32_t mtu;
	unsigned mtu_line, mtu_column;
	uint32_t vlan;
	uint32_t oversize; /* enum config_oversize */
	struct config_kernel kernel;
	uint32_t steering; /* enum config_steering */
	unsigned line, column;
};

struct config {
	bool partial; /* there were errors: defaults stand for what could not be read */
	struct {
		uint32_t hugepages; /* enum config_hugepages */
		uint32_t memory;    /* MiB */
		char *args[CONFIG_LIST_MAX];
		unsigned n_args;
	} eal;
	struct {
		uint32_t control; /* CPU number */
		uint32_t workers[CONFIG_WORKERS_MAX];
		unsigned n_workers;
		uint32_t idle; /* enum config_idle */
		bool share;
	} lcores;
	struct config_port ports[CONFIG_PORTS_MAX];
	unsigned n_ports;
	struct config_address listen[CONFIG_LIST_MAX * CONFIG_PORTS_MAX];
	unsigned n_listen;
	char *policy; /* absolute, or relative to the working directory; NULL: none */
	struct {
		uint32_t max_suspended;
		uint32_t message_size; /* bytes that each suspended message has room for */
		uint32_t on_expiry;   /* enum config_fate */
		uint32_t on_overflow; /* enum config_fate */
		bool rewrite_ids;
		uint32_t send_queue; /* datagrams */
	} async;
	struct {
		uint32_t max_inflight; /* queries a worker */
		uint32_t max_delayed;  /* answers a worker */
		uint32_t rx_buffers;   /* per port, 0: chosen */
		uint32_t rx_ring;      /* descriptors per queue */
		uint32_t tx_ring;
	} dataplane;
	struct {
		uint32_t max;	  /* datagrams in pieces a worker, 0: fragments are dropped */
		uint32_t timeout; /* milliseconds */
	} fragments;
	struct {
		uint32_t watchdog; /* milliseconds */
		uint32_t memory;   /* MiB */
	} lua;
	struct {
		uint32_t listen;      /* enum config_tcp */
		uint32_t connections; /* of clients, at a time */
		uint32_t queries;     /* in hand, at a time */
		uint32_t buffers;     /* MiB for parts of messages that have not come whole */
	} tcp;
	struct {
		uint32_t grace; /* milliseconds */
	} shutdown;
	struct {
		struct config_address listen;
		bool off;
	} metrics;
	struct {
		char *socket; /* NULL: not given, the usual place if it can be had */
		bool off;
	} console;
	struct {
		uint32_t level;	 /* enum config_log_level */
		uint32_t format; /* enum config_log_format */
	} log;
};

struct config_error {
	unsigned line, column; /* from 1 */
	char message[240];
};

struct config_errors {
	const char *file;
	size_t count;
	struct config_error *errors; /* sorted by place once loading ended */
};

/* Whether a CPU of this number may be used; tests give their own. */
typedef bool config_cpu_fn(uint32_t cpu);

/*
 * Loads a file; NULL if there is any error. Errors are added to `errors`, which the caller zeroes
 * before and frees with config_errors_free(). The configuration is the caller's.
 */
struct config *config_load(const char *path, struct config_errors *errors);

/* The same, but with errors too it gives what could be read. NULL: no memory. */
struct config *config_load_partly(const char *path, struct config_errors *errors);

/* As config_load() out of memory; `name` stands in errors and `cpu` may be NULL for the machine's own. */
struct config *config_load_buffer(const char *name, const char *data, size_t size,
				  config_cpu_fn *cpu, struct config_errors *errors);
void config_free(struct config *config);

/*
 * Whether one differs from another in what is read at the start only; which keys these are, with commas
 * between them, as far as they fit.
 */
bool config_changes(const struct config *now, const struct config *fresh, char *text, size_t size);

void config_errors_free(struct config_errors *errors);

/* "192.0.2.1", "[2001:db8::1]:53", "192.0.2.0/24": whatever parts are there. 0 or -1. */
int config_address_parse(const char *text, struct config_address *address);

#endif
