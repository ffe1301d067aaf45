// All that a sketch needs: a session, its links, its key, and what keeps them in flash.
#pragma once
#undef round  // Arduino's cores have a macro of that name, the session a function

#include "bytefed/session/sealed_link.h"
#include "bytefed/session/serial_link.h"
#include "bytefed/storage/budget_store.h"
#include "bytefed/storage/keeper.h"
#include "bytefed/storage/key_store.h"
