--- What a user may set, its defaults, and one clear message for each mistake.
--- Knows nothing about servers or buffers.

local M = {}

---@class homespun.Keys
---@field accept string|false
---@field accept_word string|false
---@field accept_line string|false
---@field dismiss string|false

---@class homespun.Config
M.defaults = {
  --- The `homespun` executable. Without it: the active virtual environment's, then the one on PATH.
  ---@type string?
  server = nil,
  --- Passed on as `homespun serve --base`: "starter", a folder, a GGUF file, or a hub name.
  ---@type string?
  base = nil,
  --- Passed on as `--store`: where the adapters are: a folder, or a URL that a team shares.
  ---@type string?
  store = nil,
  --- Passed on as `--device`: "auto", "cpu", "cuda" or "mps".
  ---@type string?
  device = nil,
  --- Passed on as `--fim-format`: the fill-in-the-middle family of a base that does not tell.
  ---@type string?
  fim_format = nil,
  --- Passed on as `--remote`: the URL of a server of your team's that answers in place of this machine. What you type
  --- goes there. The key comes from the environment, HOMESPUN_REMOTE_KEY, or a file.
  ---@type string?
  remote = nil,
  --- Passed on as `--remote-base`: the base that it holds, or its folder without weights.
  ---@type string?
  remote_base = nil,
  --- Count, on this machine alone, what is suggested and what becomes of it: `homespun usage` tells.
  usage = true,
  --- Suggest from the start; `:Homespun toggle` changes it.
  enabled = true,
  --- Files of these types are never sent to the server.
  filetypes_off = { 'gitcommit', 'gitrebase', 'help', 'hgcommit', 'netrw', 'qf', 'svn' },
  --- Milliseconds of rest before asking. Neovim 0.10 and 0.11 only: 0.12 has its own 200 ms.
  debounce = 60,
  --- Insert-mode keys; false leaves a key alone. Without a suggestion each does what it did before.
  ---@type homespun.Keys
  keys = {
    accept = '<Tab>',
    accept_word = '<M-Right>',
    accept_line = '<M-Down>',
    dismiss = '<C-]>',
  },
}

local TYPES = {
  server = { 'string' },
  base = { 'string' },
  store = { 'string' },
  device = { 'string' },
  fim_format = { 'string' },
  remote = { 'string' },
  remote_base = { 'string' },
  usage = { 'boolean' },
  enabled = { 'boolean' },
  filetypes_off = { 'table' },
  debounce = { 'number' },
  keys = { 'table' },
}

local KEY_TYPES = { accept = true, accept_word = true, accept_line = true, dismiss = true }

---@param options table
---@return string[] problems one line each
local function problems_in(options)
  local problems = {}
  for name, value in pairs(options) do
    local allowed = TYPES[name]
    if not allowed then
      table.insert(problems, ('unknown option "%s"; see :help homespun-options'):format(name))
    elseif not vim.tbl_contains(allowed, type(value)) then
      local wanted = table.concat(allowed, ' or ')
      table.insert(problems, ('option "%s" must be a %s, not a %s'):format(name, wanted, type(value)))
    end
  end
  for name, value in pairs(type(options.keys) == 'table' and options.keys or {}) do
    if not KEY_TYPES[name] then
      table.insert(problems, ('unknown key "keys.%s"; see :help homespun-keys'):format(name))
    elseif value ~= false and type(value) ~= 'string' then
      table.insert(problems, ('"keys.%s" must be a key such as "<Tab>", or false'):format(name))
    end
  end
  table.sort(problems)
  return problems
end

--- Defaults with the user's options over them. A wrong option is reported and its default kept.
---@param options table?
---@return homespun.Config config, string[] problems
function M.resolve(options)
  options = options or {}
  local problems = problems_in(options)
  local good = { keys = {} }
  for name, value in pairs(options) do
    if name ~= 'keys' and TYPES[name] and vim.tbl_contains(TYPES[name], type(value)) then
      good[name] = value
    end
  end
  for name, value in pairs(type(options.keys) == 'table' and options.keys or {}) do
    if KEY_TYPES[name] and (value == false or type(value) == 'string') then
      good.keys[name] = value
    end
  end
  return vim.tbl_deep_extend('force', vim.deepcopy(M.defaults), good), problems
end

return M
