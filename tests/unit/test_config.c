/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration's keys but for ports and addresses: values, defaults, and every error. */
#include <unistd.h>

#include "tests/unit/config_samples.h"

START_TEST(defaults_as_documented)
{
	struct config *config = accept(BASE);
	ck_assert_uint_eq(config->eal.hugepages, CONFIG_HUGEPAGES_AUTO);
	ck_assert_uint_eq(config->eal.memory, 512);
	ck_assert_uint_eq(config->eal.n_args, 0);
	ck_assert_uint_eq(config->lcores.control, 0);
	ck_assert_uint_eq(config->lcores.idle, CONFIG_IDLE_AUTO);
	ck_assert(!config->lcores.share);
	ck_assert_ptr_null(config->policy);
	ck_assert_uint_eq(config->async.max_suspended, 65536);
	ck_assert_uint_eq(config->async.on_expiry, CONFIG_RESUME);
	ck_assert_uint_eq(config->async.on_overflow, CONFIG_RESUME);
	ck_assert(config->async.rewrite_ids);
	ck_assert_uint_eq(config->async.send_queue, 4096);
	ck_assert_uint_eq(config->dataplane.max_inflight, 65536);
	ck_assert_uint_eq(config->dataplane.max_delayed, 4096);
	ck_assert_uint_eq(config->dataplane.rx_buffers, 0);
	ck_assert_uint_eq(config->dataplane.rx_ring, 1024);
	ck_assert_uint_eq(config->dataplane.tx_ring, 1024);
	ck_assert_uint_eq(config->fragments.max, 256);
	ck_assert_uint_eq(config->fragments.timeout, 1000);
	ck_assert_uint_eq(config->lua.watchdog, 50);
	ck_assert_uint_eq(config->lua.memory, 256);
	ck_assert_uint_eq(config->shutdown.grace, 2000);
	ck_assert(!config->metrics.off);
	ck_assert_uint_eq(config->metrics.listen.port, 8083);
	ck_assert_mem_eq(config->metrics.listen.bytes, "\x7f\0\0\x01", 4);
	ck_assert_ptr_null(config->console.socket);
	ck_assert(!config->console.off);
	ck_assert_uint_eq(config->log.level, CONFIG_LOG_INFO);
	ck_assert_uint_eq(config->log.format, CONFIG_LOG_TEXT);
	config_free(config);
}
END_TEST

START_TEST(every_key_is_read)
{
	struct config *config = accept(
		"eal: {hugepages: require, memory: 64, args: [--log-level, \"lib.eal:8\"]}\n"
		"lcores: {control: 3, workers: [1, 2], idle: poll, share: true}\n"
		"ports: [{device: net_null0, addresses: [192.0.2.1/24]}]\n"
		"policy: there/policy.lua\n"
		"async: {max_suspended: 4000000, message_size: 4096, on_expiry: servfail, on_overflow: drop,\n"
		"        rewrite_ids: false, send_queue: 1}\n"
		"dataplane: {max_inflight: 64, rx_buffers: 5000, rx_ring: 64, tx_ring: 32768}\n"
		"lua: {watchdog: 2s, memory: 16}\n"
		"fragments: {max: 0, timeout: 10ms}\n"
		"shutdown: {grace: 0}\n"
		"metrics: {listen: \"[::1]:9000\"}\n"
		"console: {socket: /run/x.sock}\n"
		"log: {level: debug, format: json}\n");
	ck_assert_uint_eq(config->eal.hugepages, CONFIG_HUGEPAGES_REQUIRE);
	ck_assert_uint_eq(config->eal.memory, 64);
	ck_assert_uint_eq(config->eal.n_args, 2);
	ck_assert_str_eq(config->eal.args[1], "lib.eal:8");
	ck_assert_uint_eq(config->lcores.control, 3);
	ck_assert_uint_eq(config->lcores.n_workers, 2);
	ck_assert_uint_eq(config->lcores.workers[1], 2);
	ck_assert_uint_eq(config->lcores.idle, CONFIG_IDLE_POLL);
	ck_assert(config->lcores.share);
	ck_assert_str_eq(config->policy, "there/policy.lua");
	ck_assert_uint_eq(config->async.max_suspended, 4000000);
	ck_assert_uint_eq(config->async.message_size, 4096);
	ck_assert_uint_eq(config->async.on_expiry, CONFIG_SERVFAIL);
	ck_assert_uint_eq(config->async.on_overflow, CONFIG_DROP);
	ck_assert(!config->async.rewrite_ids);
	ck_assert_uint_eq(config->async.send_queue, 1);
	ck_assert_uint_eq(config->dataplane.max_inflight, 64);
	ck_assert_uint_eq(config->dataplane.rx_buffers, 5000);
	ck_assert_uint_eq(config->dataplane.rx_ring, 64);
	ck_assert_uint_eq(config->dataplane.tx_ring, 32768);
	ck_assert_uint_eq(config->lua.watchdog, 2000);
	ck_assert_uint_eq(config->fragments.max, 0);
	ck_assert_uint_eq(config->fragments.timeout, 10);
	ck_assert_uint_eq(config->lua.memory, 16);
	ck_assert_uint_eq(config->shutdown.grace, 0);
	ck_assert(config->metrics.listen.ipv6);
	ck_assert_uint_eq(config->metrics.listen.port, 9000);
	ck_assert_str_eq(config->console.socket, "/run/x.sock");
	ck_assert_uint_eq(config->log.level, CONFIG_LOG_DEBUG);
	ck_assert_uint_eq(config->log.format, CONFIG_LOG_JSON);
	config_free(config);
}
END_TEST

START_TEST(the_other_forms)
{
	struct config *config = accept(BASE "eal: {hugepages: never}\n"
					    "lua: {watchdog: 70ms}\n"
					    "async: {on_expiry: refused}\n"
					    "metrics: {listen: off}\n"
					    "console: {socket: off}\n"
					    "log: {level: warning}\n");
	ck_assert_uint_eq(config->eal.hugepages, CONFIG_HUGEPAGES_NEVER);
	ck_assert_uint_eq(config->lua.watchdog, 70);
	ck_assert_uint_eq(config->async.on_expiry, CONFIG_REFUSED);
	ck_assert(config->metrics.off);
	ck_assert(config->console.off);
	ck_assert_uint_eq(config->log.level, CONFIG_LOG_WARNING);
	config_free(config);
}
END_TEST

START_TEST(numbers_and_durations)
{
	static const char *const rows[][2] = {
		{BASE "eal: {memory: 63}\n",
		 "5:15: memory: 63 is out of range, 64 to 1048576 are possible\n"},
		{BASE "eal: {memory: 1048577}\n",
		 "5:15: memory: 1048577 is out of range, 64 to 1048576 are possible\n"},
		{BASE "eal: {memory: -1}\n",
		 "5:15: memory: -1 is out of range, 64 to 1048576 are possible\n"},
		{BASE "eal: {memory: --1}\n", "5:15: memory: expected a whole number, found '--1'\n"},
		{BASE "eal: {memory: 0x80}\n", "5:15: memory: expected a whole number, found '0x80'\n"},
		{BASE "eal: {memory: 4294967808}\n", /* 512 in 32 bits */
		 "5:15: memory: 4294967808 is out of range, 64 to 1048576 are possible\n"},
		{BASE "eal: {memory: 99999999999999999999999}\n",
		 "5:15: memory: 99999999999999999999999 is out of range, 64 to 1048576 are possible\n"},
		{BASE "async: {max_suspended: 0}\n",
		 "5:24: max_suspended: 0 is out of range, 1 to 4000000 are possible\n"},
		{BASE "async: {max_suspended: -1}\n",
		 "5:24: max_suspended: -1 is out of range, 1 to 4000000 are possible\n"},
		{BASE "async: {max_suspended: 4000001}\n",
		 "5:24: max_suspended: 4000001 is out of range, 1 to 4000000 are possible\n"},
		{BASE "async: {send_queue: 1.5}\n",
		 "5:21: send_queue: expected a whole number, found '1.5'\n"},
		{BASE "fragments: {max: 65537, timeout: 61s}\n",
		 "5:18: max: 65537 is out of range, 0 to 65536 are possible\n"
		 "5:34: timeout: 61s is out of range, 10 to 60000 ms are possible\n"},
		{BASE "dataplane: {max_inflight: 63, rx_ring: 63, tx_ring: 32769}\n",
		 "5:27: max_inflight: 63 is out of range, 64 to 16777216 are possible\n"
		 "5:40: rx_ring: 63 is out of range, 64 to 32768 are possible\n"
		 "5:53: tx_ring: 32769 is out of range, 64 to 32768 are possible\n"},
		{BASE "dataplane: {rx_buffers: 16777217}\n",
		 "5:25: rx_buffers: 16777217 is out of range, 0 to 16777216 are possible\n"},
		{BASE "lua: {watchdog: 61s, memory: 15}\n",
		 "5:17: watchdog: 61s is out of range, 1 to 60000 ms are possible\n"
		 "5:30: memory: 15 is out of range, 16 to 65536 are possible\n"},
		{BASE "lua: {watchdog: 4294968s}\n", /* 704 ms in 32 bits */
		 "5:17: watchdog: 4294968s is out of range, 1 to 60000 ms are possible\n"},
		{BASE "shutdown: {grace: 2 s}\n",
		 "5:19: grace: expected a duration such as 2s or 500ms, found '2 s'\n"},
		{BASE "shutdown: {grace: -5}\n",
		 "5:19: grace: -5 is out of range, 0 to 600000 ms are possible\n"},
		{BASE "shutdown: {grace: 601s}\n",
		 "5:19: grace: 601s is out of range, 0 to 600000 ms are possible\n"},
	};
	REFUSE_ALL(rows);
}
END_TEST

START_TEST(choices_and_texts)
{
	static const char *const rows[][2] = {
		{BASE "eal: {hugepages: perhaps}\n",
		 "5:18: hugepages: 'perhaps' is none of auto, require, never\n"},
		{BASE "async: {on_expiry: explode, on_overflow: Drop, rewrite_ids: yes}\n",
		 "5:20: on_expiry: 'explode' is none of resume, servfail, refused, drop\n"
		 "5:42: on_overflow: 'Drop' is none of resume, servfail, refused, drop\n"
		 "5:61: rewrite_ids: expected true or false, found 'yes'\n"},
		{BASE "log: {level: loud, format: xml}\n",
		 "5:14: level: 'loud' is none of debug, info, warning, error\n"
		 "5:28: format: 'xml' is none of text, json\n"},
		{BASE "policy:\n", "5:8: policy: must not be empty\n"},
		{BASE "policy: [a.lua]\n", "5:9: policy: expected a single value\n"},
		{BASE "policy: \"a\\0b\"\n", "5:9: policy: a NUL byte is not allowed\n"},
		{BASE "metrics: {listen: 127.0.0.1}\n",
		 "5:19: listen: expected address:port or off, found '127.0.0.1'\n"},
		{BASE "metrics: {listen: 127.0.0.1:80/8}\n",
		 "5:19: listen: expected address:port or off, found '127.0.0.1:80/8'\n"},
		{BASE "metrics: {listen: here:80}\n",
		 "5:19: listen: expected address:port or off, found 'here:80'\n"},
		{BASE "console: {socket: \"\"}\n",
		 "5:19: socket: expected a path of 1 to 107 bytes or off, found 0\n"},
		{BASE "eal: {args: --no-pci}\n", "5:13: args: expected a list\n"},
		{BASE "eal: {args: [{a: b}]}\n", "5:14: args: expected a single value\n"},
	};
	REFUSE_ALL(rows);
}
END_TEST

START_TEST(keys)
{
	static const char *const rows[][2] = {
		{BASE "colour: blue\n", "5:1: unknown key 'colour' in the configuration\n"},
		{BASE "polcy: a.lua\n",
		 "5:1: unknown key 'polcy' in the configuration, did you mean 'policy'?\n"},
		{BASE "async:\n  max_suspend: 1\n",
		 "6:3: unknown key 'max_suspend' in async, did you mean 'max_suspended'?\n"},
		{BASE "log: {level: info}\nlog: {level: debug}\n",
		 "6:1: the configuration: the key 'log' stands twice\n"},
		{BASE "log: {level: info, level: info}\n", "5:20: log: the key 'level' stands twice\n"},
		{BASE "log: loud\n", "5:6: log: expected keys with values\n"},
		{BASE "[a]: b\n", "5:1: the configuration: expected a single value\n"},
		{"log: {}\n", "1:1: the configuration: the key 'lcores' is missing\n"
			      "1:1: the configuration: the key 'ports' is missing\n"},
		{"- a\n", "1:1: the configuration: expected keys with values\n"},
		{"", "1:1: the file is empty\n"},
		{"# nothing\n", "1:1: the file is empty\n"},
	};
	REFUSE_ALL(rows);
}
END_TEST

#define SIXTEEN "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
#define PORTS "ports: [{device: net_null0, addresses: [192.0.2.1/24]}]\n"

START_TEST(lcores)
{
	static const char *const rows[][2] = {
		{"lcores: {control: 0}\n" PORTS, "1:9: lcores: the key 'workers' is missing\n"},
		{"lcores: {workers: []}\n" PORTS, "1:19: workers: at least one is needed\n"},
		{"lcores: {workers: 1}\n" PORTS, "1:19: workers: expected a list\n"},
		{"lcores: {workers: [1, x, 8]}\n" PORTS,
		 "1:23: workers: expected a CPU number, found 'x'\n"
		 "1:26: workers: there is no CPU 8 here\n"},
		{"lcores: {control: 8, workers: [0]}\n" PORTS, "1:19: control: there is no CPU 8 here\n"},
		{"lcores: {workers: [99999999999]}\n" PORTS,
		 "1:20: workers: there is no CPU 99999999999 here\n"},
		{"lcores: {control: [0], workers: [0]}\n" PORTS,
		 "1:19: control: expected a single value\n"},
		{"lcores: {workers: [1, 0]}\n" PORTS,
		 "1:23: workers: CPU 0 is used twice; set 'share: true' if that is meant\n"},
		{"lcores: {control: 1, workers: [9, 1, x]}\n" PORTS "colour: blue\n", /* whatever else is wrong */
		 "1:32: workers: there is no CPU 9 here\n"
		 "1:35: workers: CPU 1 is used twice; set 'share: true' if that is meant\n"
		 "1:38: workers: expected a CPU number, found 'x'\n"
		 "3:1: unknown key 'colour' in the configuration\n"},
		{"lcores:\n  workers: [1,\n    2, 1]\n  share: false\n" PORTS,
		 "3:8: workers: CPU 1 is used twice; set 'share: true' if that is meant\n"},
		{"lcores: {workers: [1, 1], share: 1}\n" PORTS,
		 "1:34: share: expected true or false, found '1'\n"},
		{"lcores: {workers: [1], idle: sleep}\n" PORTS,
		 "1:30: idle: 'sleep' is none of poll, auto\n"},
		{"lcores: {share: true, workers: [" SIXTEEN SIXTEEN SIXTEEN SIXTEEN "1]}\n" PORTS,
		 "1:161: workers: at most 64 are possible\n"},
	};
	REFUSE_ALL(rows);
}
END_TEST

static bool cpu_but_the_first(uint32_t cpu)
{
	return cpu == 1 || cpu == 2;
}

START_TEST(the_default_control_cpu_has_to_exist)
{
	char said[512];
	struct config_errors errors = {0};
	ck_assert_ptr_null(config_load_buffer("x", BASE, strlen(BASE), cpu_but_the_first, &errors));
	errors_print(&errors, said, sizeof(said));
	ck_assert_str_eq(said, "1:9: lcores: there is no CPU 0 here; set 'control'\n");
	config_errors_free(&errors);
}
END_TEST

START_TEST(what_is_no_yaml)
{
	static const char *const rows[][2] = {
		{BASE "log: {level: info\n", "6:1: did not find expected ',' or '}'\n"},
		{BASE "log: *nowhere\n", "5:6: found undefined alias\n"},
		{BASE "a: b\n\tc: d\n", "6:1: found a tab character that violates indentation\n"},
		{BASE "log: {level: \x01}\n", "5:14: control characters are not allowed\n"},
		{BASE "# \xff\n", "5:3: invalid leading UTF-8 octet\n"},
		{BASE "---\nlog: {level: debug}\n", "5:1: a second document; one is possible\n"},
		{BASE "...\n}\n", "6:1: did not find expected <document start>\n"},
	};
	REFUSE_ALL(rows);
	config_free(accept("---\n" BASE "...\n"));
}
END_TEST

/* CONTRACT: one line each, with the position, all in one go, in the file's order. */
START_TEST(all_errors_in_one_go)
{
	refuse("eal: {memory: plenty}\n"
	       "lcores: {control: 0, workers: [4096]}\n"
	       "ports:\n"
	       "  - name: edge\n"
	       "    device: net_null0\n"
	       "    addresses: [10.53.2.1/33]\n"
	       "    colour: blue\n"
	       "listen: [10.99.0.1:53]\n"
	       "async: {on_expiry: explode}\n"
	       "nothing: 1\n",
	       "1:15: memory: expected a whole number, found 'plenty'\n"
	       "2:32: workers: there is no CPU 4096 here\n"
	       "6:17: addresses: '10.53.2.1/33' is no IP address\n"
	       "7:5: unknown key 'colour' in a port\n"
	       "8:10: listen: no port has the address of '10.99.0.1:53'\n"
	       "9:20: on_expiry: 'explode' is none of resume, servfail, refused, drop\n"
	       "10:1: unknown key 'nothing' in the configuration\n");
}
END_TEST

/* However many there are, memory stays bounded. */
START_TEST(a_thousand_errors_are_enough)
{
	char *text = malloc(64 * 1024), *at = text;
	struct config_errors errors;
	for (unsigned i = 0; i < 3000; i++)
		at += sprintf(at, "key%u: 1\n", i);
	ck_assert_ptr_null(load(text, &errors));
	ck_assert_uint_eq(errors.count, 1000);
	config_errors_free(&errors);
	free(text);
}
END_TEST

/* So that `sluice check` can look at the policy, too. */
START_TEST(what_can_be_read_is_kept)
{
	char path[] = "/tmp/sluice-partly.XXXXXX";
	struct config_errors errors = {0};
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_gt(dprintf(fd, BASE "eal: {memory: x}\npolicy: p.lua\nlua: {watchdog: 0, memory: 16}\n"), 0);
	close(fd);
	struct config *config = config_load_partly(path, &errors);
	ck_assert_ptr_nonnull(config);
	ck_assert(config->partial);
	ck_assert_uint_eq(errors.count, 2);
	ck_assert_str_eq(config->policy, "/tmp/p.lua");
	ck_assert_uint_eq(config->eal.memory, 512);
	ck_assert_uint_eq(config->lua.watchdog, 50);
	ck_assert_uint_eq(config->lua.memory, 16);
	config_free(config);
	config_errors_free(&errors);
	ck_assert_ptr_null(config_load(path, &errors));
	config_errors_free(&errors);
	unlink(path);
	config = config_load_partly(path, &errors);
	ck_assert_ptr_nonnull(config);
	ck_assert(config->partial);
	ck_assert_ptr_null(config->policy);
	ck_assert_uint_eq(errors.count, 1);
	config_free(config);
	config_errors_free(&errors);
}
END_TEST

static char folder[] = "/tmp/sluice-config.XXXXXX";

static void file_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

START_TEST(a_policy_lies_beside_its_file)
{
	char path[64], expected[64];
	struct config_errors errors = {0};
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.yml", folder);
	snprintf(expected, sizeof(expected), "%s/p.lua", folder);
	file_write(path, "lcores: {workers: [0], share: true}\n" PORTS "policy: p.lua\n");
	struct config *config = config_load(path, &errors);
	ck_assert_uint_eq(errors.count, 0);
	ck_assert_str_eq(config->policy, expected);
	config_free(config);
	file_write(path, "lcores: {workers: [0], share: true}\n" PORTS "policy: /x/p.lua\n");
	config = config_load(path, &errors);
	ck_assert_str_eq(config->policy, "/x/p.lua");
	config_free(config);
	unlink(path);
	rmdir(folder);
}
END_TEST

START_TEST(a_file_that_cannot_be_read)
{
	static const char *const rows[][2] = {
		{"/nowhere/a.yml", "1:1: cannot read the file: No such file or directory\n"},
		{"/tmp", "1:1: cannot read the file: Is a directory\n"},
		{"/dev/zero", "1:1: cannot read the file: File too large\n"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char said[512];
		struct config_errors errors = {0};
		ck_assert_ptr_null(config_load(rows[i][0], &errors));
		errors_print(&errors, said, sizeof(said));
		ck_assert_str_eq(said, rows[i][1]);
		ck_assert_str_eq(errors.file, rows[i][0]);
		config_errors_free(&errors);
	}
}
END_TEST

static void changes(const char *now, const char *fresh, const char *expected)
{
	char said[512];
	struct config *a = accept(now), *b = accept(fresh);
	ck_assert(config_changes(a, b, said, sizeof(said)) == (expected[0] != '\0'));
	ck_assert_str_eq(said, expected);
	ck_assert(config_changes(b, a, said, sizeof(said)) == (expected[0] != '\0'));
	ck_assert_str_eq(said, expected);
	config_free(a);
	config_free(b);
}

START_TEST(what_a_reload_does_not_take)
{
	/* Written in another way, and what a reload takes. */
	changes(BASE, "# a line\nlisten: [10.53.0.1, \"[fd53::1]:53\"]\n" BASE "console: {}\n", "");
	changes(BASE, BASE "async: {on_expiry: drop, on_overflow: drop}\nlog: {level: debug}\npolicy: x.lua\n", "");
	changes(BASE "metrics: {listen: off}\n", BASE "metrics: {listen: off}\nconsole: {socket: off}\n",
		"console.socket");
	changes(BASE,
		BASE "eal: {memory: 300, args: [-v]}\nlisten: [10.53.0.1:5353]\nlua: {watchdog: 10}\n"
		     "shutdown: {grace: 1}\nmetrics: {listen: 127.0.0.1:8084}\n",
		"eal.memory, lua.watchdog, shutdown.grace, eal.args, listen, metrics.listen");
	changes("lcores: {workers: [1]}\n" PORTS, "lcores: {workers: [1, 0], share: true}\n" PORTS,
		"lcores.share, lcores.workers");
}
END_TEST

START_TEST(changes_of_ports)
{
	static const char *const rows[] = {
		"{device: net_null0, addresses: [10.53.0.1/24], mtu: 1400}",
		"{device: net_null1, addresses: [10.53.0.1/24]}",
		"{device: net_null0, addresses: [10.53.0.1/23]}",
		"{device: net_null0, addresses: [10.53.0.1/24], gateways: [10.53.0.2]}",
		"{device: net_null0, addresses: [10.53.0.1/24], kernel: {interface: x}}",
		("{device: net_null0, addresses: [10.53.0.1/24],"
		 " neighbours: [{address: 10.53.0.9, mac: \"02:00:00:00:00:09\"}]}"),
		"{name: edge, device: net_null0, addresses: [10.53.0.1/24]}",
		"{device: net_null0, addresses: [10.53.0.1/24], vlan: 7}",
	};
	const char *base = "lcores: {workers: [1]}\nlisten: [10.53.0.1]\n"
			   "ports: [{device: net_null0, addresses: [10.53.0.1/24]}]\n";
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[512];
		snprintf(text, sizeof(text), "lcores: {workers: [1]}\nlisten: [10.53.0.1]\nports: [%s]\n",
			 rows[i]);
		changes(base, text, "ports");
	}
}
END_TEST

static Suite *config_suite(void)
{
	Suite *suite = suite_create("config");
	TCase *tests = tcase_create("config");
	tcase_add_test(tests, defaults_as_documented);
	tcase_add_test(tests, every_key_is_read);
	tcase_add_test(tests, the_other_forms);
	tcase_add_test(tests, numbers_and_durations);
	tcase_add_test(tests, choices_and_texts);
	tcase_add_test(tests, keys);
	tcase_add_test(tests, lcores);
	tcase_add_test(tests, the_default_control_cpu_has_to_exist);
	tcase_add_test(tests, what_is_no_yaml);
	tcase_add_test(tests, all_errors_in_one_go);
	tcase_add_test(tests, a_thousand_errors_are_enough);
	tcase_add_test(tests, what_can_be_read_is_kept);
	tcase_add_test(tests, a_policy_lies_beside_its_file);
	tcase_add_test(tests, a_file_that_cannot_be_read);
	tcase_add_test(tests, what_a_reload_does_not_take);
	tcase_add_test(tests, changes_of_ports);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(config_suite)
