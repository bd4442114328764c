#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Who may ask the web server: passwords and keys, also as hashes, and the ACL.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-END
	registerWebHandler('/mine', function(request, response) response.body = 'mine' end)
END
api=http://127.0.0.1:8083/api/v1/servers/localhost
get() { in_sluice curl -s --max-time 10 "$@"; }
coded() {
	local found
	found=$(get -o /dev/null -w '%{http_code}' "${@:2}")
	[ "$found" = "$1" ] || fail "${*:2} gave $found, not $1"
}

# Nobody has said anything: the metrics are for everybody, the rest for this machine.
coded 200 http://127.0.0.1:8083/metrics
coded 200 $api

# With a password and a key: the key is for the interface, either for the metrics.
console "setWebserverConfig({password = hashPassword('secret'), apiKey = 'key', customHeaders = {['X-More'] = 'yes'}})" >/dev/null
coded 401 $api/statistics
coded 401 -u x:wrong $api
coded 401 -H 'X-API-Key: wrong' $api
coded 401 http://127.0.0.1:8083/metrics
coded 401 http://127.0.0.1:8083/mine
coded 200 -u x:secret http://127.0.0.1:8083/mine
coded 200 -u x:secret $api
coded 401 -u x:secret $api/statistics
coded 200 -H 'X-API-Key: key' $api/statistics
grep -q 'X-More: yes' < <(get -D - -u x:secret http://127.0.0.1:8083/metrics) || fail "no header of the policy's"
console "setWebserverConfig({statsRequireAuthentication = false, acl = '192.0.2.0/24, 127.0.0.1'})" >/dev/null
coded 200 http://127.0.0.1:8083/metrics
console "setWebserverConfig({acl = '192.0.2.0/24'})" >/dev/null
coded 403 http://127.0.0.1:8083/metrics

# A header of the policy's in place of another, or of none; and a key that is nobody's any more.
console "setWebserverConfig({acl = '127.0.0.1', apiKey = '', customHeaders = {['x-frame-options'] = 'sameorigin', ['X-XSS-Protection'] = ''}})" >/dev/null
[ "$(get -D - -o /dev/null -u x:secret http://127.0.0.1:8083/mine | tr -d '\r' | grep -iE '^X-(Frame|XSS|Content)' | sort)" = $'X-Content-Type-Options: nosniff\nx-frame-options: sameorigin' ] || fail "headers beside each other"
coded 401 -H 'X-API-Key: key' $api/statistics
coded 401 -H 'X-API-Key;' $api/statistics
console "setWebserverConfig({apiKey = 'key'})" >/dev/null

# Where Lua gives no answer the metrics are still there, for as long as they are everybody's.
console "registerWebHandler('/metrics', function() error('on purpose') end)" >/dev/null
console "setWebserverConfig({acl = '0.0.0.0/0, ::/0'})" >/dev/null
grep -q '^sluice_' < <(get http://127.0.0.1:8083/metrics) || fail "no metrics where Lua fails"
console "setWebserverConfig({statsRequireAuthentication = true})" >/dev/null
coded 500 -u x:secret http://127.0.0.1:8083/metrics
coded 401 http://127.0.0.1:8083/metrics
console 'return showWebserverConfig()' | grep -q '^API key: set' || fail "showWebserverConfig() does not say"
alive
