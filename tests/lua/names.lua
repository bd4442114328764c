-- SPDX-License-Identifier: BSD-2-Clause
-- Every global of dnsdist's is there; those that belong to what is not here do nothing and say so.
local ffi = require('ffi')
ffi.cdef[[int dup(int); int dup2(int, int); int open(const char *, int, ...); int close(int);]]

local WANTED = [[
  addACL addAction addBPFFilterDynBlocks addCacheHitResponseAction addCacheInsertedResponseAction
  addCacheMissAction addCapabilitiesToRetain addConsoleACL addDNSCryptBind addDOH3Local
  addDOHLocal addDOQLocal addDynamicBlock addDynBlocks addDynBlockSMT addExitCallback addLocal
  addMaintenanceCallback addResponseAction addSelfAnsweredResponseAction
  addServerStateChangeCallback addTimeoutResponseAction addTLSLocal addXFRResponseAction
  AllowAction AllowResponseAction AllRule AndRule benchRule carbonServer
  clearCacheHitResponseRules clearCacheInsertedResponseRules clearCacheMissRules
  clearConsoleHistory clearDynBlocks clearQueryCounters ClearRecordTypesResponseAction
  clearResponseRules clearRules clearSelfAnsweredResponseRules clearTimeoutResponseRules
  clearXFRResponseRules ContinueAction controlSocket declareMetric decMetric DelayAction
  DelayResponseAction delta DNSSECRule DnstapLogAction DnstapLogResponseAction DropAction
  DropResponseAction DSTPortRule dumpStats dynBlockRulesGroup EDNSOptionRule EDNSVersionRule
  enableLuaConfiguration ERCodeAction ERCodeRule errlog exceedNXDOMAINs exceedQRate
  exceedQTypeRate exceedRespByterate exceedServFails fixupCase generateDNSCryptCertificate
  generateDNSCryptProviderKeys generateOCSPResponse getAction getAddressInfo getAsynchronousObject
  getBind getBindCount getCacheHitResponseRule getCacheInsertedResponseRule getCacheMissAction
  getCacheMissRule getCurrentTime getDNSCryptBind getDNSCryptBindCount getDOH3Frontend
  getDOH3FrontendCount getDOHFrontend getDOHFrontendCount getDOQFrontend getDOQFrontendCount
  getDynamicBlocks getDynamicBlocksSMT getListOfAddressesOfNetworkInterface
  getListOfNetworkInterfaces getListOfRangesOfNetworkInterface getMACAddress getMetric
  getObjectFromYAMLConfiguration getOutgoingTLSSessionCacheSize getPool getPoolNames
  getPoolServers getQueryCounters getResolvers getResponseRing getResponseRule getRespRing
  getRingBuffersSamplingRate getRingEntries getRule getSelfAnsweredResponseRule getServer
  getServerID getServers getSlowResponses getStatisticsCounters getTimeoutResponseRule
  getTLSFrontend getTLSFrontendCount getTopBandwidth getTopCacheHitResponseRules
  getTopCacheInsertedResponseRules getTopCacheMissRules getTopQueries getTopResponseRules
  getTopResponses getTopRules getTopSelfAnsweredResponseRules getTopTimeoutResponseRules
  getTopXFRResponseRules getVerbose getXFRResponseRule grepq hashPassword help HTTPHeaderRule
  HTTPPathRegexRule HTTPPathRule HTTPStatusAction inClientStartup includeDirectory incMetric
  IncomingProtocolRule inConfigCheck infolog KeyValueLookupKeyQName KeyValueLookupKeySourceIP
  KeyValueLookupKeySuffix KeyValueLookupKeyTag KeyValueStoreLookupAction KeyValueStoreLookupRule
  KeyValueStoreRangeLookupAction KeyValueStoreRangeLookupRule LimitTTLResponseAction
  loadTicketsKey loadTLSEngine loadTLSProvider LogAction LogResponseAction LuaAction LuaFFIAction
  LuaFFIPerThreadAction LuaFFIPerThreadResponseAction LuaFFIPerThreadRule LuaFFIResponseAction
  LuaFFIRule LuaResponseAction LuaRule makeIPCipherKey makeKey makeRule MaxQPSIPRule MaxQPSRule
  mvCacheHitResponseRule mvCacheHitResponseRuleToTop mvCacheInsertedResponseRule
  mvCacheInsertedResponseRuleToTop mvCacheMissRule mvCacheMissRuleToTop mvResponseRule
  mvResponseRuleToTop mvRule mvRuleToTop mvSelfAnsweredResponseRule
  mvSelfAnsweredResponseRuleToTop mvTimeoutResponseRule mvTimeoutResponseRuleToTop
  mvXFRResponseRule mvXFRResponseRuleToTop NegativeAndSOAAction NetmaskGroupRule newBPFFilter
  newCA newCAFromRaw newCDBKVStore newDNSName newDNSNameFromRaw newDNSNameSet newDNSPacketOverlay
  newDOHResponseMapEntry newDynBPFFilter newFrameStreamTcpLogger newFrameStreamUnixLogger
  newLMDBKVStore newMMDBKVStore newNetmask newNetworkEndpoint newNetworkListener newNMG
  newOtlpLogger newPacketCache newQPSLimiter newRemoteLogger newRuleAction newServer
  newServerPolicy newSuffixMatchNode newSVCRecordParameters newThread newTLSCertificate newXsk
  NoneAction NotRule OpcodeRule openMMDB OrRule parseAAAARecord parseAddressRecord parseARecord
  parseCNAMERecord PayloadSizeRule PoolAction PoolAvailableRule PoolOutstandingRule
  printDNSCryptProviderFingerprint ProbaRule ProxyProtocolValueRule QClassRule
  QNameLabelsCountRule QNameRule QNameSetRule QNameSuffixRule QNameWireLengthRule QPSAction
  QPSPoolAction QTypeRule RCodeAction RCodeRule RDRule RE2Rule RecordsCountRule
  RecordsTypeCountRule refreshRuntimeConfiguration RegexRule registerDynBPFFilter
  registerWebHandler reloadAllCertificates RemoteLogAction RemoteLogResponseAction
  requestDoHStatesDump requestTCPStatesDump rmACL rmCacheHitResponseRule
  rmCacheInsertedResponseRule rmCacheMissRule rmResponseRule rmRule rmSelfAnsweredResponseRule
  rmServer rmTimeoutResponseRule rmXFRResponseRule sendCustomTrap sendOpenTelemetryTrace setACL
  setACLFromFile setAddEDNSToSelfGeneratedResponses SetAdditionalProxyProtocolValueAction
  setAllowEmptyResponse setAPIWritable setBanDurationForExceedingMaxReadIOsPerQuery
  setBanDurationForExceedingTCPTLSRate setCacheCleaningDelay setCacheCleaningPercentage
  setCacheMissRules setConsistentHashingBalancingFactor setConsoleACL setConsoleBindFatal
  setConsoleConnectionsLogging setConsoleMaximumConcurrentConnections setConsoleOutputMaxMsgSize
  setDefaultBPFFilter SetDisableECSAction SetDisableValidationAction
  setDoHDownstreamCleanupInterval setDoHDownstreamMaxIdleTime setDropEmptyQueries
  setDynBlocksAction setDynBlocksPurgeInterval SetECSAction setECSOverride SetECSOverrideAction
  SetECSPrefixLengthAction setECSSourcePrefixV4 setECSSourcePrefixV6 SetEDNSOptionAction
  SetEDNSOptionResponseAction SetExtendedDNSErrorAction SetExtendedDNSErrorResponseAction setKey
  setLocal SetMacAddrAction setMaxCachedTCPConnectionsPerDownstream
  setMaxIdleDoHConnectionsPerDownstream SetMaxReturnedTTLAction SetMaxReturnedTTLResponseAction
  setMaxTCPClientThreads setMaxTCPConnectionDuration setMaxTCPConnectionRatePerClient
  setMaxTCPConnectionsPerClient setMaxTCPQueriesPerConnection setMaxTCPQueuedConnections
  setMaxTCPReadIOsPerQuery setMaxTLSNewSessionRatePerClient setMaxTLSResumedSessionRatePerClient
  SetMaxTTLResponseAction setMaxUDPOutstanding setMetric SetMinTTLResponseAction
  SetNoRecurseAction setOpenTelemetryInternalTrace setOpenTelemetryTracing
  setOutgoingDoHWorkerThreads setOutgoingTLSSessionsCacheCleanupDelay
  setOutgoingTLSSessionsCacheMaxTicketsPerBackend setOutgoingTLSSessionsCacheMaxTicketValidity
  setPayloadSizeOnSelfGeneratedAnswers setPoolServerPolicy setPoolServerPolicyLua
  setPoolServerPolicyLuaFFI setPoolServerPolicyLuaFFIPerThread setProxyProtocolACL
  setProxyProtocolApplyACLToProxiedClients setProxyProtocolMaximumPayloadSize
  SetProxyProtocolValuesAction setQueryCount setQueryCountFilter setRandomizedIdsOverUDP
  setRandomizedOutgoingSockets SetReducedTTLResponseAction setRingBuffersLockRetries
  setRingBuffersOptions setRingBuffersSize setRoundRobinFailOnNoServer setRules
  setSecurityPollInterval setSecurityPollSuffix setServerID setServerPolicy setServerPolicyLua
  setServerPolicyLuaFFI setServerPolicyLuaFFIPerThread setServFailWhenNoServer SetSkipCacheAction
  SetSkipCacheResponseAction setSpanAttribute setStaleCacheEntriesTTL setStructuredLogging
  setSyslogFacility SetTagAction SetTagResponseAction setTCPConnectionRateInterval
  setTCPConnectionsMaskV4 setTCPConnectionsMaskV4Port setTCPConnectionsMaskV6
  setTCPConnectionsOverloadThreshold setTCPDownstreamCleanupInterval setTCPDownstreamMaxIdleTime
  setTCPFastOpenKey setTCPInternalPipeBufferSize setTCPRecvTimeout setTCPSendTimeout
  SetTempFailureCacheTTLAction setTicketsKeyAddedHook SetTraceAction
  setUDPMultipleMessagesVectorSize setUDPSocketBufferSizes setUDPTimeout setVerbose
  setVerboseHealthChecks setVerboseLogDestination setWebserverBindFatal setWebserverConfig
  setWeightedBalancingFactor setWHashedPertubation setWHashedPerturbation showACL showBinds
  showCacheHitResponseRules showCacheInsertedResponseRules showCacheMissRules showConsoleACL
  showDNSCryptBinds showDOH3Frontends showDOHFrontends showDOHResponseCodes showDOQFrontends
  showDynBlocks showPools showPoolServerPolicy showResponseLatency showResponseRules showRules
  showSecurityStatus showSelfAnsweredResponseRules showServerPolicy showServers showTCPStats
  showTimeoutResponseRules showTLSErrorCounters showTLSFrontends showVersion showWebserverConfig
  showXFRResponseRules shutdown SNIRule snmpAgent SNMPTrapAction SNMPTrapResponseAction
  SpoofAction SpoofCNAMEAction SpoofPacketAction SpoofRawAction SpoofSVCAction statNodeRespRing
  submitToMainThread SuffixMatchNodeRule TagRule TCAction TCPRule TCResponseAction TeeAction
  testCrypto threadmessage TimedIPSetRule topBandwidth topCacheHitResponseRules
  topCacheInsertedResponseRules topCacheMissRules topClients topQueries topResponseRules
  topResponses topRules topSelfAnsweredResponseRules topSlow topTimeoutResponseRules topTimeouts
  topXFRResponseRules TrailingDataRule truncateTC unregisterDynBPFFilter UnsetTagAction
  UnsetTagResponseAction vinfolog warnlog webserver withTraceSpan
]]
local AND_TABLES = [[DNSAction DNSResponseAction DNSQType DNSClass DNSRCode DNSOpcode DNSSection
  EDNSOptionCode DNSCryptExchangeVersion pdns_features]]
-- Names of older versions, and spellings of the documentation.
local OLDER = [[DisableECSAction DisableValidationAction ECSOverrideAction ECSPrefixLengthAction
  MacAddrAction NoRecurseAction SkipCacheAction SetNegativeAndSOAAction TagAction
  TagResponseAction TempFailureCacheTTLAction topRule topResponseRule topCacheHitResponseRule
  topCacheInsertedResponseRule topSelfAnsweredResponseRule getTopSelfAnsweredRules newXSK
  getTopTimeoutResponseRule]]
local NOTHING = [[
  addBPFFilterDynBlocks addDNSCryptBind addDOH3Local addDOHLocal addDOQLocal addTLSLocal
  generateDNSCryptCertificate generateDNSCryptProviderKeys generateOCSPResponse getDNSCryptBind
  getDNSCryptBindCount getDOH3Frontend getDOH3FrontendCount getDOHFrontend getDOHFrontendCount
  getDOQFrontend getDOQFrontendCount getOutgoingTLSSessionCacheSize getTLSFrontend
  getTLSFrontendCount HTTPHeaderRule HTTPPathRegexRule HTTPPathRule HTTPStatusAction
  loadTicketsKey loadTLSEngine loadTLSProvider newBPFFilter newDOHResponseMapEntry newDynBPFFilter
  newMMDBKVStore newOtlpLogger newTLSCertificate newXsk openMMDB printDNSCryptProviderFingerprint
  registerDynBPFFilter requestDoHStatesDump sendCustomTrap sendOpenTelemetryTrace
  setDefaultBPFFilter setDoHDownstreamCleanupInterval
  setDoHDownstreamMaxIdleTime setMaxIdleDoHConnectionsPerDownstream
  setMaxTLSNewSessionRatePerClient setMaxTLSResumedSessionRatePerClient
  setOpenTelemetryInternalTrace setOpenTelemetryTracing setOutgoingDoHWorkerThreads
  setOutgoingTLSSessionsCacheCleanupDelay setOutgoingTLSSessionsCacheMaxTicketsPerBackend
  setOutgoingTLSSessionsCacheMaxTicketValidity setSecurityPollInterval setSecurityPollSuffix
  setSpanAttribute setTicketsKeyAddedHook SetTraceAction showDNSCryptBinds showDOH3Frontends
  showDOHFrontends showDOHResponseCodes showDOQFrontends showSecurityStatus showTLSErrorCounters
  showTLSFrontends SNIRule snmpAgent SNMPTrapAction SNMPTrapResponseAction testCrypto
  unregisterDynBPFFilter withTraceSpan
]]

-- What the functions write to the log, while nobody else does.
local function logged(fn)
  local path = os.tmpname()
  local kept = ffi.C.dup(2)
  local there = ffi.C.open(path, 1)
  ffi.C.dup2(there, 2)
  local ok, message = pcall(fn)
  ffi.C.dup2(kept, 2)
  ffi.C.close(there)
  ffi.C.close(kept)
  local file = io.open(path)
  local text = file:read('*a')
  file:close()
  os.remove(path)
  if not ok then
    error(message, 0)
  end
  return text
end

-- What is an error that says so when it is called. Nothing else is: neither in part nor by mistake.
local REFUSED = [[
  newThread submitToMainThread threadmessage
]]

local missing = {}
for name in (WANTED .. OLDER):gmatch('%S+') do
  if type(_G[name]) ~= 'function' then
    missing[#missing + 1] = name
  end
end
equal(table.concat(missing, ' '), '')
for name in AND_TABLES:gmatch('%S+') do
  equal(type(_G[name]), 'table')
end

for name in NOTHING:gmatch('%S+') do
  local result
  local text = logged(function()
    result = _G[name]('a', {b = 1}, 3)
    _G[name]()
  end)
  local _, count = text:gsub('warning: ' .. name .. ' has no effect', '')
  if count ~= 1 then
    error(('%s says: %s'):format(name, text), 0)
  end
  if name:find('^%u.*Rule$') then
    addAction(result, DropAction())
  elseif name:find('^%u.*ResponseAction$') then
    addResponseAction(AllRule(), result)
  elseif name:find('^%u.*Action$') then
    addAction(AllRule(), result)
  elseif name:find('Count$') or name:find('CacheSize$') then
    equal(result, 0)
  else
    result:anything(1):goes() -- on whatever it is
  end
end

-- Who looks something up finds nothing.
equal(openMMDB('/nowhere'):exists(newCA('192.0.2.1')), false)
equal(openMMDB('/nowhere'):query('country', newCA('192.0.2.1')), nil)
equal(newMMDBKVStore('/nowhere', 'country'):lookup('x'), '')

-- It is traced by nobody, and done.
local traced = 0
withTraceSpan('span', function() traced = traced + 1 end)
equal(traced, 1)

local refused = {}
for name in REFUSED:gmatch('%S+') do
  refused[name] = true
end
for name in WANTED:gmatch('%S+') do
  local absent = false
  if debug.getinfo(_G[name], 'S').source:find('unsupported', 1, true) then
    local ok, message = pcall(_G[name])
    absent = not ok and message:find(name .. ' is ', 1, true) ~= nil
  end
  if absent ~= (refused[name] or false) then
    error(('%s is %s, unlike what this file says'):format(name, absent and 'refused' or 'there'), 0)
  end
end
