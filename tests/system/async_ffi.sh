#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The same main job through dnsdist's FFI functions, with verdicts that answer, refuse and drop.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	local ffi = require('ffi')
	local C = ffi.C
	newServer('10.53.0.2:5300')
	local out = ffi.new('dnsdist_ffi_network_endpoint_t *[1]')
	assert(C.dnsdist_ffi_network_endpoint_new('/run/sluice/filter.sock', 23, out))
	local endpoint = out[0]
	local listener = newNetworkListener()
	listener:addUnixListeningEndpointFFI('/run/sluice/verdicts.sock', 7, function(message)
	  assert(C.dnsdist_ffi_network_message_get_endpoint_id(message) == 7)
	  local size = tonumber(C.dnsdist_ffi_network_message_get_payload_size(message))
	  local text = ffi.string(C.dnsdist_ffi_network_message_get_payload(message), size)
	  local id, verdict = text:match('^(%d+) (%a+)')
	  id = tonumber(id)
	  if verdict == 'refuse' then
	    C.dnsdist_ffi_set_rcode_from_async(3, id, DNSRCode.REFUSED, true)
	  elseif verdict == 'drop' then
	    C.dnsdist_ffi_drop_from_async(3, id)
	  else
	    C.dnsdist_ffi_resume_from_async(3, id, 'seen', 4, 'yes', 3, true)
	  end
	end)
	listener:start()
	addAction(AllRule(), LuaFFIAction(function(dq)
	  C.dnsdist_ffi_dnsquestion_set_async(dq, 3, C.dnsdist_ffi_dnsquestion_get_id(dq), 1000)
	  C.dnsdist_ffi_network_endpoint_send(endpoint,
	    ffi.cast('const char *', C.dnsdist_ffi_dnsquestion_get_data(dq)),
	    C.dnsdist_ffi_dnsquestion_get_len(dq))
	  return DNSAction.Allow
	end))
END
lab_net
lab_nsd
lab_filter --text --refuse c2.demo.test --drop c3.demo.test
lab_sluice
expect 'status: NOERROR' c1.demo.test
expect 'status: REFUSED' c2.demo.test
in_client dig +tries=1 +time=1 "@$server" c3.demo.test >/dev/null && fail "c3 was answered"
load 1000 load.demo.test 1000 || fail "not all of 1,000 queries were answered"
alive
