#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A large response policy zone, with all that master files allow, has for each name the trigger that
# dnspython, which reads the same file, leads one to expect.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cat >"$work/rpz.py" <<-'END'
	import random, sys, dns.name, dns.zone
	folder, draw = sys.argv[1], random.Random(53)
	labels = ['a', 'B', 'ads', 'x-1', 'track', 'www', '_dmarc', r'sp\032ace', r'd\.ot', 'cdn', 'q9']
	name = lambda most: '.'.join(draw.choice(labels) for _ in range(draw.randint(most - 3, most)))
	data = ['CNAME .', 'CNAME *.', 'CNAME rpz-drop.', 'CNAME rpz-passthru.', 'cname rpz-tcp-only.',
	        'A 192.0.2.1', 'IN AAAA 2001:db8::1', '60 IN TXT "a;b" ( "c"\n\t"d" )', r'A \# 4 C0000202']
	if sys.argv[2] == 'make':
	    with open(folder + '/zone.rpz', 'w') as out:
	        print('$TTL 1h\n$ORIGIN rpz.test.\n@ SOA ns. host. (1 2\n 3 4 5) ; so\n NS ns.', file=out)
	        for owner in sorted({draw.choice(['', '', '*.']) + name(6) for _ in range(20000)}):
	            if draw.random() < 0.01:
	                print(f'$ORIGIN rpz.test.', file=out)
	            full = draw.random() < 0.5
	            print(f"{owner}{'.rpz.test.' if full else ''}  {draw.choice(data)} ; comment", file=out)
	    with open(folder + '/names', 'w') as out:
	        print('\n'.join(name(7) for _ in range(5000)), file=out)
	    sys.exit()
	zone = dns.zone.from_file(folder + '/zone.rpz', origin='rpz.test.', relativize=False, check_origin=False)
	lower = lambda n: dns.name.Name(label.lower() for label in n.labels)
	owners, apex = {lower(n) for n in zone.nodes}, dns.name.from_text('rpz.test.')
	def expected(text):
	    asked = lower(dns.name.from_text(text, origin=apex))
	    if asked in owners:
	        return dns.name.from_text(text)
	    while asked.parent() != dns.name.root:
	        asked = asked.parent()
	        if asked != apex and dns.name.Name((b'*',) + asked.labels) in owners:
	            return asked.relativize(apex).derelativize(dns.name.root)
	found = [line.rstrip('\n') for line in open(folder + '/found')]
	names = [line.rstrip('\n') for line in open(folder + '/names')]
	assert len(found) == len(names) == 5000
	hits = 0
	for text, got in zip(names, found):
	    want = expected(text)
	    assert (got == 'none') == (want is None), (text, got, want)
	    assert want is None or lower(dns.name.from_text(got.removeprefix('*.'))) == lower(want), (text, got, want)
	    hits += want is not None
	assert 500 < hits < 4900, hits
	print(f'{len(owners)} owners, {hits} of 5000 names have a trigger')
END
/usr/bin/python3 "$work/rpz.py" "$work" make
lab_config <<-END
	local zone = sluice.loadNames('$work/zone.rpz')
	local out = io.open('$work/found', 'w')
	for line in io.lines('$work/names') do
	  out:write(tostring(zone:match(line) or 'none'), '\n')
	end
	out:close()
END
"$binary" check -c "$work/sluice.yml" >"$work/check.log" 2>&1 || fail "check: $(cat "$work/check.log")"
/usr/bin/python3 "$work/rpz.py" "$work" compare || fail "another trigger than dnspython's zone has"
