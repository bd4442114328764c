-- The policies here use dnsdist's language: its names are read, `filter` and `verdicts` are theirs.
std = 'luajit'
max_line_length = 120
globals = { 'filter', 'verdicts' }
read_globals = {
  'AllRule', 'DNSAction', 'DNSRCode', 'DNSResponseAction', 'LuaAction', 'LuaResponseAction',
  'addAction', 'addCacheHitResponseAction', 'addResponseAction', 'getAsynchronousObject',
  'newNetworkEndpoint', 'newNetworkListener', 'newServer', 'sluice',
}
