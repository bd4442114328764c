-- SPDX-License-Identifier: BSD-2-Clause
-- Addresses in cipher, with the vectors of https://powerdns.org/ipcipher/, and passwords as hashes.
local ffi = require('ffi')

local function hex(bytes)
  return (bytes:gsub('.', function(byte) return ('%02x'):format(byte:byte()) end))
end
equal(hex(makeIPCipherKey('')), 'bb8dcd7be9a6f43b3304c640d7d7103c')
equal(hex(makeIPCipherKey('3.141592653589793')), '3705bd6c0e26a1a839898f1fa016a374')
equal(hex(makeIPCipherKey('crypto is not a coin')), '06c4bad23a38b9e0ad9d0590b0a3d93a')

for plain, secret in pairs({
  ['127.0.0.1'] = '114.62.227.59', ['8.8.8.8'] = '46.48.51.50', ['1.2.3.4'] = '171.238.15.199',
  ['::1'] = '3718:8853:1723:6c88:7e5f:2e60:c79a:2bf',
  ['2001:503:ba3e::2:30'] = '64d2:883d:ffb5:dd79:24b:943c:22aa:4ae7',
  ['2001:db8::'] = 'ce7e:7e39:d282:e7b1:1d6d:5ca1:d4de:246f',
}) do
  local made = newCA(plain):ipencrypt('some 16-byte key')
  equal(made:toString(), secret)
  equal(made:ipdecrypt('some 16-byte key'):toString(), plain)
end
local key = makeIPCipherKey('crypto is not a coin')
equal(newCA('198.41.0.4'):ipencrypt(key):toString(), '139.111.117.167')
equal(newCA('[2001:db8::7]:5353'):ipencrypt(key):getPort(), 5353)
raises('the key has 16 bytes', function() newCA('::1'):ipencrypt('short') end)

-- Passwords.
local function matches(hash, password)
  return ffi.C.sluice_password_matches(hash, #hash, password, #password)
end
local hash = hashPassword('open sesame')
equal(hash:match('^%$scrypt%$ln=10,p=1,r=8%$[%w+/]+==%$[%w+/]+=$') ~= nil, true)
equal(hash == hashPassword('open sesame'), false) -- a salt of its own
equal(hashPassword('x', 2):match('^%$scrypt%$ln=1,'), '$scrypt$ln=1,')
equal(matches(hash, 'open sesame'), true)
equal(matches(hash, 'open sesame '), false)
equal(matches(hash, hash), false)
-- RFC 7914, section 12: scrypt("password", "NaCl", N=1024, r=8, p=16), its first 32 bytes.
local known = '$scrypt$ln=10,p=16,r=8$TmFDbA==$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWI='
equal(matches(known, 'password'), true)
equal(matches(known, 'passwort'), false)
-- One of dnsdist's.
known = '$scrypt$ln=10,p=1,r=8$w/3VfVh7nd8Ciymh1sYZDg==$' ..
  'XewVNI+nDPgcc7hjYVN98q3Kn+TbU7Qwq+CwOpBmtng='
equal(matches(known, 'open sesame'), true)
-- What is no hash is the password itself.
equal(matches('plain', 'plain'), true)
equal(matches('plain', 'plai'), false)
for _, broken in ipairs({'$scrypt$ln=10,p=1,r=8$$',
  '$scrypt$ln=40,p=1,r=8$TmFDbA==$/bq+HJ00cgB4VucZDQHp/nxq18vI',
  '$scrypt$ln=10,p=1,r=99$TmFDbA==$/bq+HJ00cgB4VucZDQHp/nxq18vI',
  '$scrypt$ln=10,p=1,r=8$TmFDbA==$AAAA',
  hash .. '$', hash:sub(1, -2), hash .. '\0', '$scrypt', ''}) do
  equal(ffi.C.sluice_password_is_hash(broken, #broken), false)
end
equal(ffi.C.sluice_password_is_hash(hash, #hash), true)
raises('a power of two', function() hashPassword('x', 1000) end)
raises('between 2 and 65536', function() hashPassword('x', 131072) end)

-- What takes too long to check is not taken, nor for the text itself.
local fit, slow = hashPassword('x', 4096), hashPassword('x', 8192)
equal(ffi.C.sluice_password_is_hash(fit, #fit), true)
equal(ffi.C.sluice_password_is_hash(slow, #slow), false)
raises('takes too long to check', setWebserverConfig, {password = slow})
raises('apiKey is no hash', setWebserverConfig, {apiKey = hash:sub(1, -2)})

-- Strangers have so many guesses a second; what was right before is none.
local function try(password) return ffi.C.sluice_password_try(hash, #hash, password, #password) end
equal(try('open sesame'), true)
for index = 1, 30 do
  equal(try('guess ' .. index), false)
end
equal(try('open sesame'), true)
