-- SPDX-License-Identifier: BSD-2-Clause
-- help(): a line for each function that policies have. docs/functions.md is made from this too;
-- tests/lua/help.lua makes sure that both say the same as there is.
local check = require('sluice.check')
check.own()

local help = {}

local CHAINS = {
  {'', 'queries'}, {'CacheMiss', 'queries that the cache cannot answer'},
  {'Response', 'responses'}, {'CacheHitResponse', 'responses from the cache'},
  {'CacheInsertedResponse', 'responses new in the cache'},
  {'SelfAnsweredResponse', 'responses made here'},
  {'TimeoutResponse', 'queries that a server did not answer'},
  {'XFRResponse', 'messages of zone transfers over TCP'},
}

-- "# Title" begins a group; then "signature -- what it does". A line with %W is one for each chain:
-- %W is what its functions have in their names, %w what people call it.
local TEXT = [[
# Rules
add%WAction(selector, action, {name=, uuid=}) -- adds a rule for %w
show%WRules({showUUIDs=, truncateRuleWidth=}) -- the rules for %w, with how often they matched
top%WRules(count, {showUUIDs=, truncateRuleWidth=}) -- the rules for %w that matched most, as text
getTop%WRules(count) -- the rules for %w that matched most, as a table
get%WRule(rule) -- a rule for %w, by position, name or UUID
rm%WRule(rule) -- removes a rule for %w, or all of a name
mv%WRule(from, to) -- moves a rule for %w to before the one at that position
mv%WRuleToTop() -- moves the last rule for %w to the front
clear%WRules() -- removes all rules for %w
# More about rules
getAction(position) -- the action of a rule
getCacheMissAction(position) -- the action of a rule for queries that the cache cannot answer
setRules(rules) -- replaces the rules for queries by a table of newRuleAction()
setCacheMissRules(rules) -- replaces the rules for queries that the cache cannot answer
newRuleAction(selector, action, {name=, uuid=}) -- a rule for setRules()
makeRule(value) -- the selector that a name, a netmask, or a table of either stands for
benchRule(selector, times, suffix) -- how long a selector takes over made-up queries
topRule() -- as mvRuleToTop()
topCacheMissRule() -- as mvCacheMissRuleToTop()
topCacheHitResponseRule() -- as mvCacheHitResponseRuleToTop()
topCacheInsertedResponseRule() -- as mvCacheInsertedResponseRuleToTop()
topSelfAnsweredResponseRule() -- as mvSelfAnsweredResponseRuleToTop()
topTimeoutResponseRule() -- as mvTimeoutResponseRuleToTop()
topXFRResponseRule() -- as mvXFRResponseRuleToTop()
topResponseRule() -- as mvResponseRuleToTop()
getTopSelfAnsweredRules(count) -- as getTopSelfAnsweredResponseRules()
getTopTimeoutResponseRule(count) -- as getTopTimeoutResponseRules()
# Selectors
AllRule() -- every packet
AndRule(selectors) -- all of a table of selectors
OrRule(selectors) -- any of a table of selectors
NotRule(selector) -- not this one
QNameRule(name) -- this very name
QNameSetRule(set) -- a name in a DNSNameSet or a live list
QNameSuffixRule(names) -- names, and what is below them
SuffixMatchNodeRule(node, quiet) -- names in a SuffixMatchNode or a live list, and what is below
QNameLabelsCountRule(min, max) -- names of fewer or of more labels
QNameWireLengthRule(min, max) -- names that are shorter or longer, in bytes
RegexRule(expression) -- the name, without its last dot, has a part like that
RE2Rule(expression) -- the whole name is like that
QTypeRule(type) -- the type asked for, by number or name
QClassRule(class) -- the class asked for
OpcodeRule(opcode) -- the opcode
RCodeRule(rcode) -- the response code, without the part that EDNS has
ERCodeRule(rcode) -- the response code, with the part that EDNS has
RDRule() -- recursion is desired
DNSSECRule() -- DO is set
TCPRule(tcp) -- over TCP, or not
IncomingProtocolRule(protocol) -- "Do53 UDP" or another
DSTPortRule(port) -- the port it was sent to
NetmaskGroupRule(netmasks, source) -- the client is in there; with false where it was sent to
TimedIPSetRule() -- clients that Lua adds for a time
MaxQPSRule(qps, burst) -- as long as there are no more than this a second
MaxQPSIPRule(qps, v4Mask, v6Mask, burst) -- clients that send more than this a second
KeyValueStoreLookupRule(store, key) -- the store has what the key takes of the packet
KeyValueStoreRangeLookupRule(store, key) -- the LMDB store has a range that it is in
ProxyProtocolValueRule(type, value) -- a PROXY header has a value of the type, this one if any
ProbaRule(probability) -- by chance
TagRule(name, value) -- the tag is set, to that value if there is one
EDNSOptionRule(code) -- the EDNS option is there
EDNSVersionRule(version) -- the EDNS version is above this one
RecordsCountRule(section, min, max) -- so many records in the section
RecordsTypeCountRule(section, type, min, max) -- so many of the type in the section
PayloadSizeRule(comparison, size) -- how large the message is: "greater", 512
TrailingDataRule() -- bytes behind the message
PoolAvailableRule(pool) -- the pool has a server that is up
PoolOutstandingRule(pool, limit) -- the pool has more than this many queries to answer
LuaRule(function) -- a function of the DNSQuestion returns true
LuaFFIRule(function) -- a function with the FFI interface returns true
LuaFFIPerThreadRule(code) -- a function that each worker has for itself returns true
sluice.ClientAddressRule(list) -- the client is a trigger of a response policy zone
sluice.AnswerAddressRule(list) -- an address of the answer is a trigger of such a zone
sluice.SubscriberRule(table) -- the client is in a table of subscribers
# Actions
AllowAction() -- no more rules
DropAction() -- no answer
NoneAction() -- nothing: it only counts
ContinueAction(action) -- does that, and goes on with the next rule
RCodeAction(rcode, {aa=, ad=, ra=}) -- answers with this code
ERCodeAction(rcode, {aa=, ad=, ra=}) -- answers with this code, also one of EDNS
TCAction() -- answers that the client should come over TCP
SpoofAction(addresses, {ttl=, aa=, ad=, ra=}) -- answers with addresses of the type asked for
SpoofCNAMEAction(name, {ttl=, aa=, ad=, ra=}) -- answers with a CNAME
SpoofRawAction(values, {ttl=, aa=, ad=, ra=, typeForAny=}) -- answers with rdata as it is given
SpoofSVCAction(parameters, {ttl=, aa=, ad=, ra=}) -- answers with newSVCRecordParameters()
newSVCRecordParameters(priority, target, {alpn=, port=, ...}) -- of an SVCB or HTTPS record
SpoofPacketAction(packet, length) -- answers with this message
NegativeAndSOAAction(nxd, zone, ttl, mname, rname, serial, refresh, retry, expire, minimum, options)
-- answers NXDOMAIN or that there is nothing, with a SOA
PoolAction(pool, stop) -- to the servers of a pool; with false the rules go on
QPSAction(qps) -- drops what is more than this a second
QPSPoolAction(qps, pool, stop) -- up to this many a second to a pool
SetTagAction(name, value) -- sets a tag
UnsetTagAction(name) -- removes a tag
SetNoRecurseAction() -- clears RD
SetDisableValidationAction() -- sets CD
SetSkipCacheAction() -- the cache does not see it
sluice.CacheOnlyAction() -- REFUSED unless the cache has the answer: no server is asked
SetDisableECSAction() -- no server is told the client's subnet
SetECSAction(v4, v6) -- what servers are told in place of the client's subnet
SetECSOverrideAction(override) -- whether a subnet that the client sent is replaced
SetECSPrefixLengthAction(v4, v6) -- how many bits of the client's address servers are told
SetProxyProtocolValuesAction(values) -- what servers are told in PROXY headers: {[type] = value}
SetAdditionalProxyProtocolValueAction(type, value) -- one more of those
SetTempFailureCacheTTLAction(ttl) -- how long failures stay in the cache, in seconds
DelayAction(ms) -- the answer over UDP waits so long before it leaves
SetMaxReturnedTTLAction(ttl) -- the most that a TTL of the answer may be
SetEDNSOptionAction(code, data) -- sets an EDNS option
SetMacAddrAction(code) -- tells the server the MAC of a client on the link, in an EDNS option
KeyValueStoreLookupAction(store, key, tag) -- what the store has becomes the tag, or nothing
KeyValueStoreRangeLookupAction(store, key, tag) -- the same by ranges of LMDB
LogAction(path, binary, append, ...) -- writes a line for each query, to the log without a path
SetExtendedDNSErrorAction(code, text, clear) -- gives the answer an extended error
LuaAction(function) -- what a function of the DNSQuestion returns
LuaFFIAction(function) -- what a function with the FFI interface returns
LuaFFIPerThreadAction(code) -- what a function returns that each worker has for itself
sluice.RPZAction(list) -- what a response policy zone says
sluice.SubscriberAction(table, {tag=}) -- sets the tags of who the client is in a table
sluice.matched(text) -- for tags and errors: {entry} and {list} of what matched
TagAction(name, value) -- as SetTagAction()
SkipCacheAction() -- as SetSkipCacheAction()
MacAddrAction(code) -- as SetMacAddrAction(code)
NoRecurseAction() -- as SetNoRecurseAction()
SetNegativeAndSOAAction(...) -- as NegativeAndSOAAction()
DisableValidationAction() -- as SetDisableValidationAction()
TempFailureCacheTTLAction(ttl) -- as SetTempFailureCacheTTLAction()
DisableECSAction() -- as SetDisableECSAction()
ECSOverrideAction(override) -- as SetECSOverrideAction()
ECSPrefixLengthAction(v4, v6) -- as SetECSPrefixLengthAction()
# Actions for responses
AllowResponseAction() -- no more rules
DropResponseAction() -- no answer
TCResponseAction() -- tells the client to come over TCP
ClearRecordTypesResponseAction(types) -- removes records of these types
LimitTTLResponseAction(min, max, types) -- brings TTLs between these, in seconds
SetMinTTLResponseAction(ttl) -- the least that a TTL may be
SetMaxTTLResponseAction(ttl) -- the most that a TTL may be
SetReducedTTLResponseAction(percent) -- makes TTLs this part of what they are
DelayResponseAction(ms) -- the answer over UDP waits so long before it leaves
SetMaxReturnedTTLResponseAction(ttl) -- the most that a TTL of the answer may be
SetSkipCacheResponseAction() -- the cache does not get it
SetTagResponseAction(name, value) -- sets a tag
UnsetTagResponseAction(name) -- removes a tag
SetEDNSOptionResponseAction(code, data) -- sets an EDNS option
LogResponseAction(path, append, ...) -- writes a line for each response
SetExtendedDNSErrorResponseAction(code, text, clear) -- gives it an extended error
LuaResponseAction(function) -- what a function of the DNSResponse returns
LuaFFIResponseAction(function) -- what a function with the FFI interface returns
LuaFFIPerThreadResponseAction(code) -- what a function returns that each worker has for itself
sluice.RPZResponseAction(list) -- what a response policy zone says
sluice.SubscriberResponseAction(table, {tag=}) -- sets the tags of who the client is in a table
TagResponseAction(name, value) -- as SetTagResponseAction()
# Collectors and copies
newRemoteLogger(address, timeout, maxQueued, ...) -- a collector of PowerDNS's protobuf messages
newFrameStreamUnixLogger(path, options) -- a collector of dnstap at a unix socket
newFrameStreamTcpLogger(address, options) -- a collector of dnstap over TCP
RemoteLogAction(logger, function, options, metas) -- tells the collector of each query
RemoteLogResponseAction(logger, function, includeCNAME, options, metas) -- of each response
DnstapLogAction(identity, logger, function) -- tells a collector of each query with dnstap
DnstapLogResponseAction(identity, logger, function) -- of each response
TeeAction(address, addECS, localAddress, addProxyProtocol) -- copies queries to another server
# Suspended packets
newNetworkEndpoint(path) -- a unix datagram socket to send to; its send() never waits
newNetworkListener() -- receives datagrams: addUnixListeningEndpoint(path, id, function), start()
getAsynchronousObject(asyncID, queryID) -- what was suspended under these
showSuspended(limit) -- the packets that wait
sluice.suspend(dq, {timeout=, on_expiry=, continue_rules=}) -- suspends it; returns an id, or nil
sluice.suspended(id) -- what was suspended under this id, or nil
sluice.onSendFailure(endpoint, fate) -- what becomes of packets whose datagram cannot be sent
# Servers and pools
newServer(address or {address=, name=, pool=, ...}) -- adds a server
rmServer(server) -- removes a server, by position, UUID or object
getServer(server) -- a server, by position, UUID or object
getServers() -- all servers
showServers({showUUIDs=}) -- the servers, with how they do
getPoolServers(pool) -- the servers of a pool
getPoolNames() -- the names of the pools
showPools() -- the pools with their servers
setServerPolicy(policy) -- balances pools that have no policy of their own
setPoolServerPolicy(policy, pool) -- balances a pool: leastOutstanding, whashed, ...
newServerPolicy(name, fn) -- a policy: fn(servers, dq) returns a server, or its index from 1
setServerPolicyLua(name, fn) -- as setServerPolicy() with such a policy
setServerPolicyLuaFFI(name, fn) -- fn(list, dq) goes by dnsdist's FFI; indices from 0
setServerPolicyLuaFFIPerThread(name, code) -- code that returns such a function, for each worker
setPoolServerPolicyLua(name, fn, pool) -- as setPoolServerPolicy() with a policy in Lua
setPoolServerPolicyLuaFFI(name, fn, pool) -- the same by dnsdist's FFI
setPoolServerPolicyLuaFFIPerThread(name, code, pool) -- the same, and for each worker
showServerPolicy() -- how pools are balanced that have no policy of their own
showPoolServerPolicy(pool) -- how a pool is balanced
setServFailWhenNoServer(bool) -- answers SERVFAIL where no server is up
setRoundRobinFailOnNoServer(bool) -- lets roundrobin fail too where no server is up
setWeightedBalancingFactor(factor) -- how much above its share a server may be, with weights
setConsistentHashingBalancingFactor(factor) -- how much above its share, with consistent hashing
setWHashedPerturbation(number) -- what names are hashed with
setWHashedPertubation(number) -- as setWHashedPerturbation()
setECSOverride(bool) -- whether a subnet that the client sent is replaced by its own
setECSSourcePrefixV4(bits) -- how much of an IPv4 client's address servers are told
setECSSourcePrefixV6(bits) -- how much of an IPv6 client's address servers are told
setUDPTimeout(seconds) -- how long a server may take
setTCPRecvTimeout(seconds) -- how long a client may take for a query, and between two, over TCP
setTCPSendTimeout(seconds) -- how long a client may take nothing of its answers over TCP
setMaxTCPConnectionsPerClient(count) -- how many connections a client may have; 0: any number
setMaxTCPQueriesPerConnection(count) -- how many queries a connection may have; 0: any number
setMaxTCPConnectionDuration(seconds) -- how long a connection may last; 0: any time
setMaxTCPConnectionRatePerClient(count) -- how many connections a client may begin in a second
setTCPConnectionRateInterval(minutes) -- what that is an average over
setMaxTCPReadIOsPerQuery(count) -- how many pieces a query may come in over TCP; 0: any number
setBanDurationForExceedingMaxReadIOsPerQuery(seconds) -- how long who sent more gets no connection
setMaxTCPQueuedConnections(count) -- how many wait to be accepted at an address; 0: any number
setTCPFastOpenKey(key) -- 00112233-44556677-8899aabb-ccddeeff, of TCP Fast Open at all addresses
requestTCPStatesDump() -- writes all connections over TCP to the log
setBanDurationForExceedingTCPTLSRate(seconds) -- how long who wanted more gets no connection
setMaxCachedTCPConnectionsPerDownstream(count) -- how many unused ones to a server are kept
showTCPStats() -- connections over TCP: those of clients by address, and those to servers
setTCPConnectionsMaskV4(bits) -- how much of an IPv4 address makes a client of TCP
setTCPConnectionsMaskV4Port(bits) -- how much of the port, with all of an IPv4 address, does too
setTCPConnectionsMaskV6(bits) -- how much of an IPv6 address makes a client of TCP
setTCPConnectionsOverloadThreshold(percent) -- of tcp.connections, from where idle ones end sooner
setTCPDownstreamMaxIdleTime(seconds) -- how long an unused TCP connection to a server is kept
addServerStateChangeCallback(function) -- called when a server goes up or down
# Packet caches
newPacketCache(entries, {maxTTL=, minTTL=, ...}) -- a cache, for getPool(name):setCache(cache)
getPool(name) -- a pool: getCache(), setCache(cache), unsetCache(), setECS(bool), ...
sluice.serveStaleOnTimeout(seconds) -- how long they serve when a server does not answer
setStaleCacheEntriesTTL(seconds) -- how long expired answers serve while no server is up
# Listeners and clients
setLocal(address, options) -- listens on this address only
addLocal(address, options) -- listens on this address too
setACL(netmasks) -- who may ask
setACLFromFile(path) -- who may ask: a netmask a line
addACL(netmasks) -- adds to those who may ask
rmACL(netmasks) -- takes away from those who may ask
showACL() -- who may ask
setProxyProtocolACL(netmasks) -- who has to begin with a PROXY header
setProxyProtocolMaximumPayloadSize(size) -- how long that may be
setProxyProtocolApplyACLToProxiedClients(bool) -- whether the ACL is for its clients too
setAllowEmptyResponse(bool) -- takes responses without a question
truncateTC(bool) -- cuts answers of servers with TC to the question, for who asked over UDP
setDropEmptyQueries(bool) -- drops queries without a question, or answers NOTIMP
setPayloadSizeOnSelfGeneratedAnswers(size) -- the UDP size that answers made here announce
setAddEDNSToSelfGeneratedResponses(bool) -- whether answers made here have an OPT
# Dynamic blocks
addDynamicBlock(client, reason, action, seconds, bits, portBits, {tagName=, ...}) -- of a network
addDynBlocks(clients, reason, seconds, action) -- of each address that is a key of the table
addDynBlockSMT(names, reason, seconds, action, {tagName=, tagValue=}) -- of names and what is below
setDynBlocksAction(action) -- what is done to whom a block is for that says nothing else
setDynBlocksPurgeInterval(seconds) -- how often those that have expired are cleared away
dynBlockRulesGroup({clients=}) -- a group of limits by client, for maintenance() to apply()
showDynBlocks() -- the blocks in force, with how many queries they matched
getDynamicBlocks() -- those of clients, as a table by network
getDynamicBlocksSMT() -- those of names, as a table by name
clearDynBlocks() -- ends all of them
sluice.removeDynBlock(key) -- ends one, by its network, its name or as it is shown
# Lists
sluice.loadNames(path, {format=, watch=, name=, optional=, subdomains=}) -- a live list of names
sluice.loadPrefixes(path, {watch=, name=, optional=}) -- a live list of prefixes
sluice.loadTable(path, {watch=, name=, optional=}) -- a live table of subscribers
showLists() -- the lists, with what they hold
# The machine
getListOfNetworkInterfaces() -- the kernel's interfaces
getListOfAddressesOfNetworkInterface(name) -- their addresses, as text
getListOfRangesOfNetworkInterface(name) -- their networks, as text
getResolvers(path) -- the name servers of a file like resolv.conf, as text
getMACAddress(address) -- the MAC of a client of late or of a neighbour, "" if unknown
getAddressInfo(host, function(host, addresses)) -- looks a host up, then calls

# Stores of keys and values
newCDBKVStore(path, refresh) -- a CDB; with a number other than 0 read again when it changes
newLMDBKVStore(path, database, noLock) -- a database in an LMDB file, "" for the one without a name
KeyValueLookupKeyQName(wire) -- the name, in wire format unless false, in lower case
KeyValueLookupKeySuffix(labels, wire) -- the name, then those it is below, of so many labels
KeyValueLookupKeySourceIP(v4, v6, port) -- the client's address, masked, with its port if true
KeyValueLookupKeyTag(tag) -- the value of a tag

# Names, addresses and messages
newDNSName(text) -- a name
newDNSNameFromRaw(bytes) -- a name of its wire format
newDNSNameSet() -- a set of names
newSuffixMatchNode() -- a set of names and what is below them
newCA(text) -- an address, with a port if it has one
newCAFromRaw(bytes, port) -- an address of its 4 or 16 bytes
makeIPCipherKey(password) -- a key for ipencrypt(key), ipdecrypt(key), and ipEncryptKey
hashPassword(password, work) -- a password as its scrypt hash
newNetmask(text or address, bits) -- a netmask
newNMG(netmasks) -- a group of netmasks
newDNSPacketOverlay(message) -- what is in a message
parseAddressRecord(message, record) -- the address in a record of an overlay
parseARecord(message, record) -- as parseAddressRecord()
parseAAAARecord(message, record) -- as parseAddressRecord()
parseCNAMERecord(message, record) -- the name in a CNAME record of an overlay
# What comes in
showBinds() -- the addresses that are listened on, with how many queries came there
getBind(number) -- one of them
getBindCount() -- how many there are
showResponseLatency() -- how long answers took, since the start
# Recent queries and responses
topClients(count) -- the clients that asked most of late
topQueries(count, labels) -- the names that were asked for most, or their last labels
topResponses(count, rcode, labels) -- the names that most answers of an rcode were for
topSlow(count, milliseconds, labels) -- the names whose answers took longer
topTimeouts(count, labels) -- the names that no server answered
topBandwidth(count) -- the clients with most bytes, both ways
getTopQueries(count, labels) -- as topQueries(), as a table
getTopResponses(count, rcode, labels) -- as topResponses(), as a table
getSlowResponses(count, milliseconds, labels, timeouts) -- as topSlow() or topTimeouts(), as a table
getTopBandwidth(count) -- as topBandwidth(), as a table
grepq(selectors, count, {outputFile=}) -- those of a network, below a name, or slower than "100ms"
getRingEntries() -- all that is recorded, as a table of objects
getResponseRing() -- the responses as a table: name, qtype, rcode, usec
getRespRing(rcode) -- the responses, of one rcode or all, as a table: qname, rcode
statNodeRespRing(visitor, seconds) -- calls visitor(node, self, children) for names and suffixes
exceedQRate(rate, seconds) -- the clients with more queries a second, for addDynBlocks()
exceedQTypeRate(type, rate, seconds) -- likewise, with more of a type
exceedServFails(rate, seconds) -- likewise, with more SERVFAIL answers
exceedNXDOMAINs(rate, seconds) -- likewise, with more NXDOMAIN answers
exceedRespByterate(rate, seconds) -- likewise, with more bytes of answers
setQueryCount(bool) -- counts queries by name, in lower case
setQueryCountFilter(function(query)) -- says whether a query counts, and by which text
getQueryCounters(count) -- the names that were asked for most, as text
clearQueryCounters() -- forgets them
setRingBuffersSize(count) -- how many queries, and how many responses, are kept
setRingBuffersOptions({samplingRate=, recordQueries=, recordResponses=}) -- which are recorded
getRingBuffersSamplingRate() -- of how many packets one is recorded; 0: as the load is
setRingBuffersLockRetries(count) -- has no effect: there are no locks
# Metrics
declareMetric(name, kind, description, {name=, withLabels=}) -- declares a "counter" or a "gauge"
incMetric(name, {step=, labels=}) -- adds to a counter
decMetric(name, {step=, labels=}) -- takes from a counter
setMetric(name, value, {labels=}) -- sets a gauge
getMetric(name, {labels=}) -- the value of a metric
dumpStats() -- dnsdist's statistics as text
getStatisticsCounters() -- dnsdist's statistics as a table
# The log, and what else there is
help(name) -- the functions; with a name, or a part of one, those that have it
errlog(text) -- logs an error
warnlog(text) -- logs a warning
infolog(text) -- logs
vinfolog(text) -- logs, if log.level is debug
addMaintenanceCallback(function) -- called about once a second
addExitCallback(function) -- called when the program ends
includeDirectory(path) -- runs the *.conf files of a folder, in the order of their names
delta() -- what was entered at the console and changed the policy, since that was read
showVersion() -- which version this is
setWebserverConfig({password=, apiKey=, acl=, ...}) -- who may ask the web server for what
showWebserverConfig() -- what setWebserverConfig() said
setAPIWritable(bool, folder) -- lets the REST interface change the ACL, and keep it in a folder
carbonServer(address, name, interval, namespace, instance) -- sends statistics to Carbon
registerWebHandler(path, function(request, response)) -- answers a path
shutdown() -- ends the program, once queries in flight have ended
newQPSLimiter(rate, burst) -- a rate for Lua's own use: check() takes a token, if there is one
getCurrentTime() -- the time as {tv_sec=, tv_nsec=}
inConfigCheck() -- whether this is sluice check
inClientStartup() -- false
setVerbose(bool) -- logs everything, whatever log.level says
setVerboseHealthChecks(bool) -- logs each check of a server that fails
getVerbose() -- whether everything is logged
setServerID(text) -- a name for this instance
getServerID() -- what setServerID() said
]]

local groups, entries = {}, {}

local function entry_add(group, line, word, people)
  line = line:gsub('%%W', word):gsub('%%w', people)
  local signature, text = line:match('^(.-) %-%- (.*)$')
  local entry = {name = signature:match('^[%w_.]+'), signature = signature, text = text}
  group[#group + 1] = entry
  entries[entry.name:lower()] = entry
end

local function line_take(group, line)
  for _, chain in ipairs(line:find('%W', 1, true) and CHAINS or {{'', ''}}) do
    entry_add(group, line, chain[1], chain[2])
  end
end

-- A line that begins with the dashes belongs to the one before.
for line in TEXT:gsub('\n%-%-', ' --'):gmatch('[^\n]+') do
  local title = line:match('^# (.*)')
  if title then
    groups[#groups + 1] = {title = title}
  else
    line_take(groups[#groups], line)
  end
end

local function line_of(entry) return ('%s -- %s\n'):format(entry.signature, entry.text) end

local function matching(wanted)
  local lines = {}
  for _, group in ipairs(groups) do
    for _, entry in ipairs(group) do
      if entry.name:lower():find(wanted, 1, true) then
        lines[#lines + 1] = line_of(entry)
      end
    end
  end
  return lines
end

function help.help(wanted)
  if wanted ~= nil then
    wanted = check.string(wanted, 'the name')
    local key = wanted:lower():gsub('%(.*', '')
    local found = entries[key] or entries['sluice.' .. key]
    local lines = found and {line_of(found)} or matching(key)
    return #lines > 0 and table.concat(lines) or
      check.fail('there is no function "%s": help() lists them', wanted)
  end
  local lines = {}
  for _, group in ipairs(groups) do
    lines[#lines + 1] = ('%s# %s\n'):format(#lines > 0 and '\n' or '', group.title)
    for _, entry in ipairs(group) do
      lines[#lines + 1] = line_of(entry)
    end
  end
  return table.concat(lines)
end

function help.entries() return entries end

-- The names as lines of a page.
local function wrapped(names)
  local lines, line = {}, ''
  for _, word in ipairs(names) do
    if #line + #word + 3 > 100 then
      lines[#lines + 1], line = line, ''
    end
    line = ('%s%s`%s`'):format(line, line == '' and '' or ' ', word)
  end
  lines[#lines + 1] = line
  return table.concat(lines, '\n') .. '\n'
end

-- dnsdist's names that have no line of their own, by what becomes of their use.
local function absent()
  local unsupported = require('sluice.unsupported')
  local refused, nothing = {}, {}
  local function take(into, names)
    for word in names:gmatch('%S+') do
      if not entries[word:lower()] then
        into[#into + 1] = word
      end
    end
    table.sort(into, function(a, b)
      local low, other = a:lower(), b:lower()
      return low < other or (low == other and a < b)
    end)
  end
  take(refused, unsupported.names)
  take(nothing, unsupported.harmless)
  for _, names in pairs(unsupported.elsewhere) do
    take(nothing, names)
  end
  for name in pairs(unsupported.needless) do
    take(nothing, name)
  end
  return ('\n## Not there\n\nEach of these is an error that names it:\n\n%s\nThese do nothing, ' ..
    'and say so once; a rule of theirs never matches:\n\n%s'):format(wrapped(refused),
    wrapped(nothing))
end

-- docs/functions.md.
function help.document()
  local lines = {'# Functions\n\nWhat `help()` shows in the console. The arguments are those of ' ..
    'dnsdist\'s functions, later ones can be left\nout; what is in `sluice` is beyond dnsdist. ' ..
    '[policy.md](policy.md) has more to say about some.\n'}
  for _, group in ipairs(groups) do
    lines[#lines + 1] = ('\n## %s\n\n| function | does |\n|---|---|\n'):format(group.title)
    for _, entry in ipairs(group) do
      lines[#lines + 1] = ('| `%s` | %s |\n'):format(entry.signature, entry.text)
    end
  end
  return table.concat(lines) .. absent()
end

return help
