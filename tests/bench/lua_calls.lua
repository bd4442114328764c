-- SPDX-License-Identifier: BSD-2-Clause
-- The cases of lua_calls.c: a name, an action, and a callback for datagrams with DNS IDs.
local register = require('sluice.driver').register
local jit_mode = os.getenv('BENCH_JIT')
if jit_mode == 'off' then
  jit.off()
elseif jit_mode then
  require('jit.v').on(jit_mode)
end
local endpoint = newNetworkEndpoint(peer_path)
local ALLOW, sum, last = DNSAction.Allow, 0, nil

local list = {
  {'return', function() return ALLOW end},
  {'qtype', function(dq)
    if dq.qtype == 28 then
      return DNSAction.Refused
    end
    return ALLOW
  end},
  {'qname', function(dq)
    last = dq.qname
    return ALLOW
  end},
  {'tostring(qname)', function(dq)
    last = tostring(dq.qname)
    return ALLOW
  end},
  {'qname:toString()', function(dq)
    last = dq.qname:toString()
    return ALLOW
  end},
  {'remoteaddr:tostring()', function(dq)
    last = dq.remoteaddr:tostring()
    return ALLOW
  end},
  {'getContent()', function(dq)
    last = dq:getContent()
    return ALLOW
  end},
  {'dh:getID()', function(dq)
    sum = sum + dq.dh:getID()
    return ALLOW
  end},
  {'getHeader():getRD()', function(dq)
    if not dq:getHeader():getRD() then
      return DNSAction.Refused
    end
    return ALLOW
  end},
  {'setTag()', function(dq)
    dq:setTag('filtering', 'pass')
    return ALLOW
  end},
  {'send()', function()
    endpoint:send('some datagram of forty bytes or so, all told')
    return ALLOW
  end},
  {'suspend, resume', function(dq)
    dq:suspend(0, dq.dh:getID(), 500)
    return ALLOW
  end, function(_, id)
    getAsynchronousObject(0, tonumber(id)):resume()
  end},
  {'async-filter', function(dq)
    local content = dq:getContent()
    dq:suspend(0, dq.dh:getID(), 500)
    endpoint:send(content)
    return ALLOW
  end, function(_, id)
    local suspended = getAsynchronousObject(0, tonumber(id))
    suspended:getDQ():setTag('filtering', 'pass')
    suspended:resume()
  end},
}

function cases() return #list end
function action(n) return register(list[n][2]) end
function callback(n) return list[n][3] and register(list[n][3]) or 0 end
function tell(n) io.write(('%-24s'):format(list[n][1])) io.flush() end
