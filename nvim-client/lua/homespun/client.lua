--- One language server for all buffers: started when needed, restarted with back-off, told apart from a server that
--- was stopped on purpose. What to do with suggestions is the backend's business.

local server = require('homespun.server')
local state = require('homespun.state')

local M = {}

local NAME = 'homespun'
local FIRST_WAIT, LONGEST_WAIT = 1000, 60000 -- milliseconds before a restart
local STEADY = 60000 -- a server that ran this long had no fault at its start
local GIVE_UP = 6 -- restarts in a row

---@type homespun.Config
local config
---@type table
local backend
local failures = 0
local started = 0
local leaving = false

---@return vim.lsp.Client?
function M.get()
  for _, client in ipairs(vim.lsp.get_clients({ name = NAME })) do
    if not client:is_stopped() then
      return client
    end
  end
end

---@param buf integer
---@return boolean wanted an ordinary file of a type that is not switched off
local function wanted(buf)
  local type_of_file = vim.bo[buf].filetype
  return vim.api.nvim_buf_is_loaded(buf)
    and vim.bo[buf].buftype == ''
    and vim.api.nvim_buf_get_name(buf) ~= ''
    and type_of_file ~= ''
    and not vim.tbl_contains(config.filetypes_off, type_of_file)
end

--- Neovim 0.10 and 0.11 do not know the feature, so they do not say that they have it.
local function capabilities()
  local known = vim.lsp.protocol.make_client_capabilities()
  known.textDocument.inlineCompletion = known.textDocument.inlineCompletion or { dynamicRegistration = false }
  return known
end

local function restart_later()
  failures = vim.uv.now() - started > STEADY and 1 or failures + 1
  if failures > GIVE_UP then
    state.fail('the server stopped ' .. failures .. ' times in a row: see :Homespun log, then :Homespun restart')
    return
  end
  local wait = math.min(FIRST_WAIT * 2 ^ (failures - 1), LONGEST_WAIT)
  state.set({ state = 'error', message = ('the server stopped; again in %d s'):format(wait / 1000) })
  vim.defer_fn(M.attach_all, wait)
end

---@param code integer
---@param signal integer
local function on_exit(code, signal)
  if leaving or (code == 0 and signal == 0) then
    return
  end
  vim.schedule(restart_later)
end

---@param path string
---@return string[]
local function command(path)
  local words = vim.list_extend({ path, 'serve' }, server.flags(config))
  return vim.list_extend(words, { '--log', server.log() })
end

---@param path string
---@param buf integer
local function configuration(path, buf)
  return {
    name = NAME,
    cmd = command(path),
    root_dir = vim.fs.root(buf, '.git') or vim.fs.dirname(vim.api.nvim_buf_get_name(buf)),
    init_options = { status = true, usage = config.usage },
    capabilities = capabilities(),
    handlers = {
      ['homespun/status'] = function(_, status)
        state.from_server(status)
      end,
    },
    on_init = function()
      state.set({ state = 'loading' }) -- it says itself when it is ready
    end,
    on_attach = function(client, attached)
      backend.attach(client, attached, state.enabled())
    end,
    on_exit = on_exit,
  }
end

--- One process whatever the folder: the model is in memory once, and the server finds each document's repository.
local function same_server(client)
  return client.name == NAME and not client:is_stopped()
end

---@param buf integer
function M.attach(buf)
  if leaving or not vim.api.nvim_buf_is_valid(buf) or not wanted(buf) then
    return
  end
  local path, why = server.find(config)
  if not path then
    state.fail(why)
    return
  end
  if not M.get() then
    started = vim.uv.now()
    state.set({ state = 'starting' })
  end
  vim.lsp.start(configuration(path, buf), { bufnr = buf, reuse_client = same_server, silent = true })
end

function M.attach_all()
  for _, buf in ipairs(vim.api.nvim_list_bufs()) do
    M.attach(buf)
  end
end

--- Start afresh, whatever happened before.
function M.restart()
  failures = 0
  local client = M.get()
  if not client then
    M.attach_all()
    return
  end
  vim.lsp.stop_client(client.id)
  vim.wait(5000, function()
    return vim.lsp.get_client_by_id(client.id) == nil
  end, 20)
  M.attach_all()
end

---@param on boolean
function M.switch(on)
  backend.switch(M.get(), on)
end

---@param chosen homespun.Config
---@param chosen_backend table
function M.setup(chosen, chosen_backend)
  config, backend = chosen, chosen_backend
  local group = vim.api.nvim_create_augroup('homespun.client', { clear = true })
  vim.api.nvim_create_autocmd('FileType', {
    group = group,
    callback = function(event)
      M.attach(event.buf)
    end,
  })
  vim.api.nvim_create_autocmd('VimLeavePre', {
    group = group,
    callback = function()
      leaving = true
    end,
  })
  M.attach_all()
end

return M
