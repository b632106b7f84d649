#!/usr/bin/env mmsh
-- A real program's address space: exec loads the host's own ELF file; its text
-- comes through the page cache when it is touched, and not before.

local k = mmsh
k:boot("x86_64", "ram=4G")

local p = k:exec("/bin/ls", "-l", "/")
print(string.format("%d areas, %d pages resident", p.areas, p.rss_pages))
assert(p.interp_base, "a dynamic program has an interpreter")

-- The areas that every program has.
local seen = {}
for _, m in ipairs(k:maps().maps) do
	seen[m.name] = true
	assert(m.start % 4096 == 0 and m.start < m["end"])
end
assert(seen["/bin/ls"] and seen["[stack]"] and seen["[vdso]"])

-- Nothing of the text is resident before the first fetch.
local text = k:eval("text").value
assert(k:pagewalk(text).fault, "absent")
local r = k:fetch(text, 4)
assert(r.min_flt + r.maj_flt == 1, "one fault; the page comes from the file")
local w = k:pagewalk(text)
assert(w.steps[#w.steps].what:find("page cache /bin/ls"))

-- The neighbours came along (fault-around), executable and not writable.
assert(w.rights.user == "r-x")
local ok, err = pcall(k.write, k, text, 0)
assert(not ok and err.kind == "fault" and err.message:find("SEGV_ACCERR"))

-- On the stack the kernel has put argc, argv, envp and auxv.
local sp = p.sp
assert(k:read(sp, 8).value == 3, "argc")
local argv0 = k:read(sp + 8, 8).value
local s = k:read(argv0, 8).dump[1].ascii
assert(s == "/bin/ls.", s)
print("argv[0] is " .. s:sub(1, 7))

-- With its libraries, as the dynamic loader would map them before main.
local full = k:exec { "/bin/ls", l = true }
local libc
for _, lib in ipairs(full.libraries) do
	if lib.name:find "^libc%.so" then
		libc = lib
	end
end
assert(not libc or k:read(libc.base, 4).dump[1].ascii == ".ELF")
print(#full.libraries .. " libraries, libc among them: " .. tostring(libc ~= nil))
assert(k:check().count == 0)
print "ok"
