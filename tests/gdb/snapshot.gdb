# A machine is frozen, its image is written, and that snapshot is sent and installed, as it is seen from gdb.
python import os
vlot break commit 1 if index == 5
python gdb.execute("run play " + os.environ["SNAPSHOT_SCENE"])
vlot node 1
vlot net
vlot why 1
delete
vlot break snapshot
continue
finish
delete
vlot break install 3 if stage == 1
continue
delete
vlot break step 3
continue
delete
vlot node 1
vlot node 3
vlot net
vlot log 1
vlot log 3
vlot break install 3 if stage == 4
continue
vlot why 3
delete
vlot break step 3
continue
vlot log 3
kill
