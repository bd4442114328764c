-- SPDX-License-Identifier: BSD-2-Clause
-- Names of dnsdist's that are not there: most are an error that says so where they are used; what
-- is tied to transports and systems we do not have, or is said in the configuration, does nothing
-- and says so once, so that its policies load.
local ffi = require('ffi')
local check = require('sluice.check')
check.own()

local unsupported = {}

unsupported.names = [[
  addACL addAction addCacheHitResponseAction addCacheInsertedResponseAction addCacheMissAction
  addDynamicBlock addDynBlocks addDynBlockSMT addLocal addMaintenanceCallback addResponseAction
  addSelfAnsweredResponseAction AllowAction AllowResponseAction AllRule AndRule
  clearCacheHitResponseRules clearCacheInsertedResponseRules clearCacheMissRules clearDynBlocks
  ClearRecordTypesResponseAction clearResponseRules clearRules clearSelfAnsweredResponseRules
  ContinueAction declareMetric decMetric DNSSECRule DropAction DropResponseAction DSTPortRule
  dumpStats EDNSOptionRule errlog getAction getAsynchronousObject getBind getBindCount
  getCacheHitResponseRule getCacheInsertedResponseRule getCacheMissAction getCacheMissRule
  getCurrentTime getDynamicBlocks getDynamicBlocksSMT getMetric getPool getPoolNames
  getPoolServers getResponseRule getRule getSelfAnsweredResponseRule getServer getServerID
  getServers getStatisticsCounters getTopCacheHitResponseRules getTopCacheInsertedResponseRules
  getTopCacheMissRules getTopResponseRules getTopRules getTopSelfAnsweredResponseRules getVerbose
  help inClientStartup includeDirectory incMetric inConfigCheck infolog LimitTTLResponseAction
  LogAction LuaAction LuaFFIAction LuaFFIResponseAction LuaFFIRule LuaResponseAction LuaRule
  makeRule
  MaxQPSIPRule MaxQPSRule mvCacheHitResponseRule mvCacheHitResponseRuleToTop
  mvCacheInsertedResponseRule mvCacheInsertedResponseRuleToTop mvCacheMissRule
  mvCacheMissRuleToTop mvResponseRule mvResponseRuleToTop mvRule mvRuleToTop
  mvSelfAnsweredResponseRule mvSelfAnsweredResponseRuleToTop NegativeAndSOAAction NetmaskGroupRule
  newCA newCAFromRaw newDNSName newDNSNameFromRaw newDNSNameSet newDNSPacketOverlay newNetmask
  newNetworkEndpoint newNetworkListener newNMG newPacketCache newRuleAction newServer
  newServerPolicy newSuffixMatchNode newThread NoneAction NotRule OpcodeRule OrRule
  parseAAAARecord parseAddressRecord parseARecord parseCNAMERecord PayloadSizeRule PoolAction
  PoolAvailableRule PoolOutstandingRule ProbaRule QClassRule QNameLabelsCountRule QNameRule
  QNameSetRule QNameSuffixRule QNameWireLengthRule QPSAction QPSPoolAction QTypeRule RCodeAction
  RCodeRule RDRule RecordsCountRule RegexRule rmACL rmCacheHitResponseRule
  rmCacheInsertedResponseRule rmCacheMissRule rmResponseRule rmRule rmSelfAnsweredResponseRule
  rmServer setACL setACLFromFile setAddEDNSToSelfGeneratedResponses setAllowEmptyResponse
  setCacheMissRules setConsistentHashingBalancingFactor setDropEmptyQueries setDynBlocksAction
  setDynBlocksPurgeInterval SetEDNSOptionAction SetExtendedDNSErrorAction
  SetExtendedDNSErrorResponseAction setLocal SetMaxReturnedTTLAction
  SetMaxReturnedTTLResponseAction SetMaxTTLResponseAction setMetric SetMinTTLResponseAction
  SetNoRecurseAction setPayloadSizeOnSelfGeneratedAnswers setPoolServerPolicy
  setPoolServerPolicyLua setPoolServerPolicyLuaFFI setPoolServerPolicyLuaFFIPerThread
  setRoundRobinFailOnNoServer setRules setServerID setServerPolicy setServerPolicyLua
  setServerPolicyLuaFFI setServerPolicyLuaFFIPerThread setServFailWhenNoServer SetSkipCacheAction
  SetSkipCacheResponseAction setStaleCacheEntriesTTL SetTagAction SetTagResponseAction
  SetTempFailureCacheTTLAction setUDPTimeout setWeightedBalancingFactor setWHashedPertubation
  setWHashedPerturbation showACL showBinds showCacheHitResponseRules
  showCacheInsertedResponseRules showCacheMissRules showDynBlocks showPools showPoolServerPolicy
  showResponseLatency showResponseRules showRules showSelfAnsweredResponseRules showServerPolicy
  showServers showVersion shutdown SpoofAction SpoofCNAMEAction SpoofRawAction SuffixMatchNodeRule
  TagRule TCAction TCPRule TCResponseAction TimedIPSetRule topCacheHitResponseRules
  topCacheInsertedResponseRules topCacheMissRules topResponseRules topRules
  topSelfAnsweredResponseRules TrailingDataRule UnsetTagAction UnsetTagResponseAction vinfolog
  warnlog addExitCallback addServerStateChangeCallback addTimeoutResponseAction benchRule
  clearQueryCounters clearTimeoutResponseRules
  dynBlockRulesGroup EDNSVersionRule ERCodeAction ERCodeRule
  exceedNXDOMAINs exceedQRate exceedQTypeRate exceedRespByterate exceedServFails getAddressInfo
  getQueryCounters
  getResponseRing getRespRing getRingEntries getSlowResponses getTimeoutResponseRule
  getTopBandwidth getTopQueries getTopResponses getTopTimeoutResponseRules grepq hashPassword
  IncomingProtocolRule
  LogResponseAction
  mvTimeoutResponseRule mvTimeoutResponseRuleToTop
  newQPSLimiter newSVCRecordParameters
  RE2Rule RecordsTypeCountRule
  rmTimeoutResponseRule SetDisableValidationAction SetEDNSOptionResponseAction
  setQueryCount setQueryCountFilter SetReducedTTLResponseAction
  showTimeoutResponseRules SpoofPacketAction SpoofSVCAction statNodeRespRing submitToMainThread
  threadmessage topBandwidth topClients topQueries topResponses topSlow
  topTimeoutResponseRules topTimeouts
  getRingBuffersSamplingRate setRingBuffersLockRetries setRingBuffersOptions setRingBuffersSize
]]

unsupported.harmless = [[
  addBPFFilterDynBlocks addCapabilitiesToRetain addDNSCryptBind addDOH3Local addDOHLocal
  addDOQLocal addTLSLocal clearConsoleHistory enableLuaConfiguration
  generateDNSCryptCertificate generateDNSCryptProviderKeys generateOCSPResponse getDNSCryptBind
  getDNSCryptBindCount getDOH3Frontend getDOH3FrontendCount getDOHFrontend getDOHFrontendCount
  getDOQFrontend getDOQFrontendCount getOutgoingTLSSessionCacheSize
  getTLSFrontend getTLSFrontendCount HTTPHeaderRule HTTPPathRegexRule HTTPPathRule
  HTTPStatusAction loadTicketsKey loadTLSEngine loadTLSProvider newBPFFilter
  newDOHResponseMapEntry newDynBPFFilter newMMDBKVStore newOtlpLogger newTLSCertificate newXSK
  newXsk openMMDB printDNSCryptProviderFingerprint refreshRuntimeConfiguration
  registerDynBPFFilter reloadAllCertificates requestDoHStatesDump
  sendCustomTrap sendOpenTelemetryTrace
  setDefaultBPFFilter setDoHDownstreamCleanupInterval setDoHDownstreamMaxIdleTime
  setMaxIdleDoHConnectionsPerDownstream
  setMaxTLSNewSessionRatePerClient setMaxTLSResumedSessionRatePerClient
  setOpenTelemetryInternalTrace setOpenTelemetryTracing setOutgoingDoHWorkerThreads
  setOutgoingTLSSessionsCacheCleanupDelay setOutgoingTLSSessionsCacheMaxTicketsPerBackend
  setOutgoingTLSSessionsCacheMaxTicketValidity
  setSecurityPollInterval setSecurityPollSuffix setSpanAttribute
  setTicketsKeyAddedHook SetTraceAction showDNSCryptBinds
  showDOH3Frontends showDOHFrontends showDOHResponseCodes showDOQFrontends showSecurityStatus
  showTLSErrorCounters showTLSFrontends SNIRule snmpAgent SNMPTrapAction
  SNMPTrapResponseAction
  testCrypto unregisterDynBPFFilter withTraceSpan
]]

-- What the configuration says here, not the policy.
unsupported.elsewhere = {
  ['console.socket'] = [[controlSocket setKey addConsoleACL setConsoleACL
    setConsoleConnectionsLogging setConsoleMaximumConcurrentConnections
    setConsoleOutputMaxMsgSize setConsoleBindFatal showConsoleACL makeKey]],
  ['metrics.listen'] = [[webserver setWebserverConfig setWebserverBindFatal showWebserverConfig
    setAPIWritable registerWebHandler carbonServer]],
  ['log'] = [[setVerboseLogDestination setSyslogFacility setStructuredLogging]],
  ['dataplane.max_inflight'] = [[setMaxUDPOutstanding]],
  ['dataplane.rx_ring'] = [[setUDPMultipleMessagesVectorSize setUDPSocketBufferSizes]],
  ['lcores.workers'] = [[setMaxTCPClientThreads]],
}

-- What there is nothing of to set here.
unsupported.needless = {
  setTCPDownstreamCleanupInterval = 'connections to servers that have ended are closed at once',
  setCacheCleaningDelay = 'what has expired gives way to what comes in, without a cleaning',
  setCacheCleaningPercentage = 'what has expired gives way to what comes in, without a cleaning',
  fixupCase = 'answers have the case of their query anyway',
  setRandomizedIdsOverUDP = 'IDs and ports towards servers are random anyway',
  setRandomizedOutgoingSockets = 'IDs and ports towards servers are random anyway',
  setTCPInternalPipeBufferSize = 'connections do not go through pipes',
}

-- What there can be nothing of.
unsupported.absent = {
  getObjectFromYAMLConfiguration = 'objects are made in the policy, not in the configuration',
}

-- Any member is a function that gives the object again, but of those that look something up: there
-- is nothing to be found.
local Nothing = {}
local FOUND = {exists = false, lookup = '', lookupSuffix = ''}
Nothing.__index = function(self, key)
  return function()
    if key == 'query' then
      return nil
    elseif FOUND[key] ~= nil then
      return FOUND[key]
    end
    return self
  end
end

local function warn(name, why)
  local text = ('%s has no effect%s'):format(name, why or ' in this version')
  ffi.C.sluice_log(2, text, #text)
end

-- What will not be there, and what to do instead.
local REASONS = {
  newThread = 'a thread of Lua would block or race with the control lcore: run it as a program ' ..
    'of its own and talk to it through newNetworkEndpoint() and newNetworkListener()',
}
REASONS.submitToMainThread, REASONS.threadmessage = REASONS.newThread, REASONS.newThread

local function refusal(name)
  return function()
    if REASONS[name] then
      check.fail('%s is refused: %s', name, REASONS[name])
    end
    check.fail('%s is not supported by this version', name)
  end
end

local function harmless(name, globals, why)
  local warned = false
  return function()
    if not warned then
      warned = true
      warn(name, why)
    end
    if name:find('^%u.*Rule$') then
      return globals.NotRule(globals.AllRule())
    elseif name:find('^%u.*Action$') then
      return globals.NoneAction()
    elseif name:find('^get%u.*Count$') or name:find('^get%u.*Size$') then
      return 0 -- there is none of it, and loops go up to there
    end
    return setmetatable({}, Nothing)
  end
end

-- Fills in what `globals` lacks.
function unsupported.install(globals)
  for name in unsupported.names:gmatch('%S+') do
    if globals[name] == nil then
      globals[name] = refusal(name)
    end
  end
  for name in unsupported.harmless:gmatch('%S+') do
    if globals[name] == nil then
      globals[name] = harmless(name, globals)
    end
  end
  local say_span = globals.withTraceSpan
  function globals.withTraceSpan(_, traced)
    local nothing = say_span()
    if type(traced) == 'function' then
      traced() -- what it does is the policy's, traced or not
    end
    return nothing
  end
  for key, names in pairs(unsupported.elsewhere) do
    for name in names:gmatch('%S+') do
      globals[name] = globals[name] or
        harmless(name, globals, (': see %s in the configuration'):format(key))
    end
  end
  for name, why in pairs(unsupported.absent) do
    local say = harmless(name, globals, ': ' .. why)
    globals[name] = globals[name] or function() say() end
  end
  for name, why in pairs(unsupported.needless) do
    globals[name] = globals[name] or harmless(name, globals, ': ' .. why)
  end
end

return unsupported
