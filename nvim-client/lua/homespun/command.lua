--- `:Homespun` and its words.

local client = require('homespun.client')
local server = require('homespun.server')
local state = require('homespun.state')

local M = {}

---@param lines string[]
---@param name string
local function show(lines, name)
  vim.cmd('botright new')
  local buf = vim.api.nvim_get_current_buf()
  vim.bo[buf].buftype, vim.bo[buf].bufhidden, vim.bo[buf].swapfile = 'nofile', 'wipe', false
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, lines)
  pcall(vim.api.nvim_buf_set_name, buf, name)
  vim.bo[buf].modifiable = false
end

---@return string file, integer line, integer column 1-based, of the cursor
local function place()
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  local before = vim.api.nvim_get_current_line():sub(1, col)
  return vim.api.nvim_buf_get_name(0), row, vim.str_utfindex(before) + 1
end

local actions = {}

function actions.toggle()
  state.enable(not state.enabled())
  client.switch(state.enabled())
  vim.notify(state.enabled() and 'homespun: on' or 'homespun: off')
end

--- One line: with more, Neovim would wait for a key.
function actions.status()
  local now = state.get()
  local parts = { state.line() }
  for _, part in ipairs({ 'base', 'revision' }) do
    if now[part] then
      table.insert(parts, part .. ' ' .. now[part])
    end
  end
  table.insert(parts, now.message)
  vim.notify(table.concat(parts, ' · '))
end

function actions.log()
  vim.cmd.split(vim.fn.fnameescape(server.log()))
  vim.bo.autoread = true
end

function actions.restart()
  client.restart()
end

---@param config homespun.Config
function actions.doctor(config)
  local path, why = server.find(config)
  if not path then
    vim.notify('homespun: ' .. why, vim.log.levels.ERROR)
    return
  end
  local file, line, column = place()
  local command = vim.list_extend({ path, 'doctor' }, server.flags(config))
  if file ~= '' then
    table.insert(command, ('%s:%d:%d'):format(file, line, column))
  end
  vim.system(command, { text = true }, vim.schedule_wrap(function(done)
    local text = vim.trim((done.stdout or '') .. '\n' .. (done.stderr or ''))
    show(vim.split(text, '\n', { plain = true }), 'homespun://doctor')
  end))
end

---@return string[]
local function words(beginning)
  local found = {}
  for name in pairs(actions) do
    if vim.startswith(name, beginning) then
      table.insert(found, name)
    end
  end
  table.sort(found)
  return found
end

---@param config homespun.Config
function M.create(config)
  vim.api.nvim_create_user_command('Homespun', function(call)
    local action = actions[call.args == '' and 'status' or call.args]
    if not action then
      local known = table.concat(words(''), ', ')
      vim.notify(('homespun: no "%s" here; use one of %s'):format(call.args, known), vim.log.levels.ERROR)
      return
    end
    action(config)
  end, { nargs = '?', complete = words, desc = 'Homespun: toggle, status, log, doctor, restart' })
end

return M
