#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the C file of the Lua modules and the FFI declarations: embed.py OUT HEADER... LUA...

lua/cdef_thread.h is for the lcores' own states, which get lua/cdef_dnsdist.h behind it."""
import os
import sys

out, sources = sys.argv[1], sys.argv[2:]
headers = [path for path in sources if path.endswith(".h")]
own = [path for path in headers if path.endswith("lua/cdef_thread.h")]
headers = [path for path in headers if path not in own]
shared = [path for path in headers if path.endswith("lua/cdef_dnsdist.h")]
modules = [path for path in sources if path.endswith(".lua")]


def literal(path):
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return "\n\t\"" + "\\n\"\n\t\"".join(escaped) + "\""


with open(out, "w", encoding="utf-8") as file:
    file.write('#include "control/lua/modules.h"\n\n')
    for path in modules:
        name = os.path.basename(path)[:-4]
        file.write(f"static const char {name}_text[] ={literal(path)};\n\n")
    file.write("const struct lua_module lua_modules[] = {\n")
    for path in modules:
        name = os.path.basename(path)[:-4]
        file.write(f'\t{{"sluice.{name}", {name}_text, sizeof({name}_text) - 1}},\n')
    file.write("\t{NULL, NULL, 0},\n};\n\n")
    file.write(f"static const char interface[] ={''.join(map(literal, headers))};\n")
    file.write("const char *const lua_interface_text = interface;\n")
    file.write("const size_t lua_interface_size = sizeof(interface) - 1;\n")
    file.write(f"static const char own[] ={''.join(map(literal, own + shared))};\n")
    file.write("const char *const lua_thread_interface_text = own;\n")
    file.write("const size_t lua_thread_interface_size = sizeof(own) - 1;\n")
