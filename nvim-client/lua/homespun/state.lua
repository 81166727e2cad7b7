--- What a person may want to know at a glance: on or off, ready or not, which adapter. Set by the client, by the
--- server's `homespun/status` notifications and by `:Homespun toggle`; read by the status line and by `:Homespun`.

local M = {}

---@class homespun.State
---@field state 'starting'|'loading'|'ready'|'thinking'|'error'
---@field message string?
---@field base string?
---@field revision string?
---@field remote string?

---@type homespun.State
local now = { state = 'starting' }
local enabled = true
local last_complaint ---@type string?

---@param changes table
local function tell(changes)
  now.message = nil
  now = vim.tbl_extend('force', now, changes)
  vim.schedule(function()
    vim.cmd.redrawstatus()
    vim.api.nvim_exec_autocmds('User', { pattern = 'HomespunStatus', modeline = false })
  end)
end

--- The server is starting or has stopped: a new one says anew what it serves.
---@param changes table
function M.set(changes)
  now.base, now.revision, now.remote = nil, nil, nil
  tell(changes)
end

--- Something the user has to do something about. Said once, not at every file.
---@param message string
function M.fail(message)
  M.set({ state = 'error', message = message })
  if message ~= last_complaint then
    last_complaint = message
    vim.notify('homespun: ' .. message, vim.log.levels.WARN)
  end
end

--- A notification's fields, with JSON's null taken for absence.
---@param status table
function M.from_server(status)
  local told = { base = nil, revision = nil, remote = nil }
  for _, key in ipairs({ 'state', 'message', 'base', 'revision', 'remote' }) do
    local value = status[key]
    told[key] = value ~= vim.NIL and value or nil
  end
  now.base, now.revision, now.remote = told.base, told.revision, told.remote
  tell(told)
end

---@return boolean
function M.enabled()
  return enabled
end

---@param on boolean
function M.enable(on)
  enabled = on
  tell({})
end

---@return homespun.State
function M.get()
  return vim.deepcopy(now)
end

--- A few characters for a status line, such as "homespun ready · 66b17aa2": of a revision's name, which is
--- TIME-HASH, the hash.
---@return string
function M.line()
  if not enabled or not now.revision then
    return 'homespun ' .. (enabled and now.state or 'off')
  end
  return ('homespun %s · %s'):format(now.state, now.revision:match('%-(%x%x%x%x%x%x%x%x)$') or now.revision)
end

return M
