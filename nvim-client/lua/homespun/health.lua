--- `:checkhealth homespun`: what a person needs before a suggestion can come, in the order in which it can fail.

local M = {}

---@param path string
---@return boolean ok, string text
local function version_of(path)
  local done = vim.system({ path, '--version' }, { text = true, timeout = 20000 }):wait()
  return done.code == 0, vim.trim((done.stdout or '') .. (done.stderr or ''))
end

local function check_editor()
  if vim.fn.has('nvim-0.12') == 1 then
    vim.health.ok('Neovim 0.12 or later: its own inline completion is used')
  elseif vim.fn.has('nvim-0.10') == 1 then
    vim.health.ok('Neovim 0.10 or 0.11: ghost text of this plugin is used')
  else
    vim.health.error('Neovim is too old', 'Use 0.10 or later.')
  end
end

---@param config homespun.Config
local function check_server(config)
  local path, where = require('homespun.server').find(config)
  if not path then
    vim.health.error(where, 'pip install homespun, in the environment in which Neovim is started')
    return
  end
  local ok, text = version_of(path)
  if ok then
    vim.health.ok(('%s (%s), found through %s'):format(path, text, where))
  else
    vim.health.error(('%s does not run: %s'):format(path, text), 'Run it in a terminal.')
  end
end

local function check_client()
  local client, now = require('homespun.client').get(), require('homespun.state').get()
  if not client then
    vim.health.warn('the server is not running', now.message or 'It starts with the first file.')
    return
  end
  if not client.server_capabilities then
    vim.health.warn('the server is starting')
  elseif not client.server_capabilities.inlineCompletionProvider then
    vim.health.error('the server offers no inline completion', 'Is it `homespun serve`?')
  else
    vim.health.ok(('running: %s, base %s, adapter %s'):format(now.state, now.base or '?', now.revision or 'none'))
  end
end

---@param config homespun.Config
local function check_keys(config)
  for name, lhs in pairs(config.keys) do
    local mapped = lhs and vim.fn.maparg(lhs, 'i', false, true) or {}
    if lhs and not vim.startswith(mapped.desc or '', 'Homespun') then
      vim.health.warn(('%s (keys.%s) is mapped to something else'):format(lhs, name), 'See :verbose imap ' .. lhs)
    end
  end
end

function M.check()
  vim.health.start('homespun')
  check_editor()
  local config = require('homespun').config
  if not config then
    vim.health.error('not set up', "Call require('homespun').setup() in your init.lua.")
    return
  end
  check_server(config)
  check_client()
  check_keys(config)
end

return M
