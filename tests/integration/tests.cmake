# tests/integration/test_<noun>.py: the whole program, on a real engine. They measure and they load
# the machine, so they run one at a time.
find_program(STADION_PYTHON python3 HINTS /usr/bin REQUIRED)

function(integration_test noun timeout)
	add_test(NAME integration/${noun}
		COMMAND ${STADION_PYTHON} -B ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_${noun}.py)
	set_tests_properties(integration/${noun} PROPERTIES
		TIMEOUT ${timeout} LABELS integration RUN_SERIAL ON
		ENVIRONMENT STADION_BINARY=$<TARGET_FILE:stadion>)
endfunction()

if(TARGET stadion)
	integration_test(first_run 120)
	integration_test(healing 180)
	integration_test(scaling 180)
	integration_test(groups 180)
	integration_test(survival 240)
	integration_test(events 180)
	integration_test(chaos 600)
	integration_test(bad_input 120)
	integration_test(images 180)
	integration_test(engine_away 240)
	integration_test(ports 180)
	integration_test(access 180)
	integration_test(process 180)
	integration_test(full_disk 120)
	integration_test(marathon_client 240)
	integration_test(durability 180)
	integration_test(hostile 120)
	integration_test(install 120)
	integration_test(quickstart 900)
endif()
