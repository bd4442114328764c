# SPDX-License-Identifier: BSD-2-Clause
"""What selectors and actions are called where people read of them."""
from steps import Scenario, lua, titled, value

SELECTORS = """AllRule() AndRule({AllRule(),RDRule()}) OrRule({AllRule(),RDRule()}) NotRule(AllRule()) DNSSECRule() DSTPortRule(53)
EDNSOptionRule(3) EDNSVersionRule(0) ERCodeRule(16) HTTPHeaderRule('h','x') HTTPPathRule('/p') HTTPPathRegexRule('^/p')
MaxQPSIPRule(10) MaxQPSIPRule(10,24,48,7) MaxQPSIPRule(20,32,128,30) MaxQPSRule(5) MaxQPSRule(5,9)
NetmaskGroupRule({'10.0.0.0/8','192.0.2.0/24'}) NetmaskGroupRule({'10.0.0.0/8'},false) NetmaskGroupRule(newNMG(),true,false)
OpcodeRule(DNSOpcode.Notify) OpcodeRule(0) PayloadSizeRule('greater',100) PayloadSizeRule('equal',12) ProbaRule(0.5) ProbaRule(1)
QClassRule(DNSClass.CHAOS) QClassRule(1) QClassRule(77) QNameRule('a.test') QNameRule('A.Test.') QNameSetRule(newDNSNameSet())
QNameSuffixRule({'a.test','b.test'}) QNameSuffixRule('a.test') QNameSuffixRule({'a.test'},true) SuffixMatchNodeRule(newSuffixMatchNode())
SuffixMatchNodeRule(newSuffixMatchNode(),true) QNameLabelsCountRule(1,5) QNameWireLengthRule(1,50) QTypeRule(1) QTypeRule('AAAA')
QTypeRule(DNSQType.ANY) QTypeRule(65280) RCodeRule(3) RCodeRule(DNSRCode.REFUSED) RDRule() RecordsCountRule(1,0,3)
RecordsTypeCountRule(1,1,0,3) RecordsTypeCountRule(DNSSection.Additional,DNSQType.OPT,1,1) RegexRule('^a') RE2Rule('^a') SNIRule('a')
TCPRule(true) TCPRule(false) TagRule('a') TagRule('a','b') TagRule('a','') TrailingDataRule() PoolAvailableRule('p')
PoolOutstandingRule('p',10) LuaRule(function()return(true)end) LuaFFIRule(function()return(true)end)
LuaFFIPerThreadRule('return(function()return(true)end)') TimedIPSetRule() ProxyProtocolValueRule(1) ProxyProtocolValueRule(1,'v')
makeRule('10.0.0.0/8') makeRule('a.test') makeRule({'a.test','b.test'}) makeRule({'10.0.0.0/8','192.0.2.1'})
NotRule(AndRule({QTypeRule('A'),OrRule({TCPRule(true),RDRule()})})) AndRule({}) OrRule({}) AndRule({AllRule()}) OrRule({AllRule()})
""".split()
ACTIONS = """AllowAction() ContinueAction(DropAction()) DelayAction(100) DropAction() NoneAction()
LogAction() LogAction('/tmp/x.log') LogAction('/tmp/x.log',false,true,false) LuaAction(function()end) LuaFFIAction(function()end)
LuaFFIPerThreadAction('return(function()end)') NegativeAndSOAAction(true,'a.test',5,'ns.a.test','h.a.test',1,2,3,4,5)
NegativeAndSOAAction(false,'a.test',5,'ns.a.test','h.a.test',1,2,3,4,5) PoolAction('p') PoolAction('p',false) QPSAction(10)
QPSPoolAction(10,'p') RCodeAction(DNSRCode.NXDOMAIN) RCodeAction(3) RCodeAction(5) ERCodeAction(16) SetDisableECSAction()
SetDisableValidationAction() SetECSAction('192.0.2.0/24') SetECSAction('192.0.2.0/24','2001:db8::/32') SetECSOverrideAction(true)
SetECSPrefixLengthAction(24,48) SetEDNSOptionAction(3,'x') SetExtendedDNSErrorAction(15,'t') SetExtendedDNSErrorAction(15)
SetMacAddrAction(5) SetMaxReturnedTTLAction(5) SetNoRecurseAction() SetSkipCacheAction() SetTagAction('a','b') SetTagAction('a','')
UnsetTagAction('a') SetTempFailureCacheTTLAction(5) SetProxyProtocolValuesAction({[1]='a'}) SetAdditionalProxyProtocolValueAction(1,'v')
SpoofAction('192.0.2.1') SpoofAction({'192.0.2.1','2001:db8::1'}) SpoofAction('192.0.2.1',{ttl=5}) SpoofCNAMEAction('a.test')
SpoofRawAction('abcd') SpoofRawAction({'abcd','efgh'}) SpoofPacketAction('0123456789012345',16) SpoofSVCAction({newSVCRecordParameters(1,'.')})
TCAction()""".split()
RESPONSES = """AllowResponseAction() ClearRecordTypesResponseAction(1) ClearRecordTypesResponseAction({1,28}) DelayResponseAction(100)
DropResponseAction() LimitTTLResponseAction(1,5) LimitTTLResponseAction(1,5,{1}) LogResponseAction() LogResponseAction('/tmp/x.log')
LuaResponseAction(function()end) LuaFFIResponseAction(function()end) LuaFFIPerThreadResponseAction('return(function()end)')
RCodeResponseAction(3) SetExtendedDNSErrorResponseAction(15,'t') SetMaxReturnedTTLResponseAction(5) SetMaxTTLResponseAction(5)
SetMinTTLResponseAction(5) SetReducedTTLResponseAction(50) SetSkipCacheResponseAction() SetTagResponseAction('a','b')
UnsetTagResponseAction('a') TCResponseAction() SetEDNSOptionResponseAction(3,'x')""".split()


def shown(add, clear, show, actions):
    steps = []
    for action in actions:
        title = "unset: " if action.startswith("Unset") else action.split("(")[0] + ": "
        steps += [titled(title, step) for step in
                  (value("(function() %s %s(AllRule(), %s) end)()" % (clear, add, action)), lua(show))]
    return steps


SCENARIOS = [
    Scenario("texts selectors", "", *[value(selector + ":toString()") for selector in SELECTORS]),
    Scenario("texts actions", "", *shown("addAction", "clearRules()", "showRules()", ACTIONS)),
    Scenario("texts response actions", "", *shown("addResponseAction", "clearResponseRules()", "showResponseRules()", RESPONSES)),
]
