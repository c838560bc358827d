"""What Redis does for a store in one step each: Lua, kept by the server under its digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

_WRITE = """
local function write(text, life)
  if life == '0' then
    redis.call('DEL', KEYS[1])
    redis.call('ZREM', KEYS[2], ARGV[1])
    return
  end
  if life == '' then redis.call('SET', KEYS[1], text)
  elseif life == 'keep' then redis.call('SET', KEYS[1], text, 'KEEPTTL')
  else redis.call('SET', KEYS[1], text, 'PX', life) end
  redis.call('ZADD', KEYS[2], 0, ARGV[1])
end
"""
"""Keys of every script that writes: the entry, and the sorted set of all names. Its first argument is the name. A life
is a number of milliseconds, 0 for gone at once, empty for ever, or `keep`."""


@dataclass(frozen=True, slots=True)
class Script:
    """Lua and its digest."""

    text: bytes
    digest: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", hashlib.sha1(self.text, usedforsecurity=False).hexdigest().encode())


def _script(*parts: str) -> Script:
    return Script("".join(parts).encode())


PUT = _script(_WRITE, "write(ARGV[2], ARGV[3])")
"""Arguments: name, text, life."""

SWAP = _script(
    _WRITE,
    """
local there = redis.call('GET', KEYS[1])
if ARGV[2] == '' then
  if there then return 0 end
elseif there ~= ARGV[3] then return 0 end
write(ARGV[4], ARGV[5])
return 1
""",
)
"""Arguments: name, empty when nothing is expected, the expected text, the new text, life. Returns 1 or 0."""

ADD = _script(
    _WRITE,
    """
local there = redis.call('GET', KEYS[1])
if there and (#there > 15 or not string.match(there, '^%-?%d+$')) then return {there} end
local amount = tonumber(ARGV[2])
local total = tonumber(there or '0') + amount
if ARGV[3] ~= '' and amount > 0 and total > tonumber(ARGV[3]) then return false end
local sum = string.format('%.0f', total)
write(sum, there and 'keep' or ARGV[4])
return sum
""",
)
"""Arguments: name, amount, limit or empty, life of a new counter; numbers below 1e15, which Lua adds exactly. Returns
the sum, nothing when it is above the limit, or a list when what is there is no such number."""

SCAN = _script("""
local names = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2], ARGV[3])
local found = {}
for first = 1, #names, 1000 do
  local keys = {}
  for at = first, math.min(first + 999, #names) do keys[#keys + 1] = ARGV[1] .. names[at] end
  local texts = redis.call('MGET', unpack(keys))
  for at = 1, #keys do
    local name = names[first + at - 1]
    if texts[at] then
      found[#found + 1] = name
      found[#found + 1] = texts[at]
    else
      redis.call('ZREM', KEYS[1], name)
    end
  end
end
return found
""")
"""Key: the names. Arguments: what comes before a name in its entry's key, and the bounds. Returns name, text, name, …;
names whose entries have outlived their time leave the set."""

SWEEP = _script("""
local names = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2], '+', 'LIMIT', 0, ARGV[3])
for _, name in ipairs(names) do
  if redis.call('EXISTS', ARGV[1] .. name) == 0 then redis.call('ZREM', KEYS[1], name) end
end
if #names < tonumber(ARGV[3]) then return '-' end
return '(' .. names[#names]
""")
"""Key: the names. Arguments: what comes before a name, the lower bound, how many are looked at. Returns the bound to go
on from."""
