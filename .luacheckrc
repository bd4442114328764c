-- SPDX-License-Identifier: BSD-2-Clause
std = 'luajit'
max_line_length = 100
exclude_files = {'build*'}
files['lua/boot.lua'] = {globals = {'_G'}}
files['lua/driver.lua'] = {globals = {'_G'}}
files['lua/guard.lua'] = {globals = {'coroutine', 'os', 'io', 'tostring', '_G'}}
-- Policies and specs use what boot.lua installs.
files['lua/examples'] = {allow_defined_top = true, ignore = {'113', '131'}, max_line_length = 120}
files['tests'] = {allow_defined_top = true, ignore = {'113', '131'}}
